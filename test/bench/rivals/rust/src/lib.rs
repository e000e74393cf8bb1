//! The bench's decision with the proxy-wasm SDK for Rust: a bucket from the cookie `uid` and the salt `checkout`, the header
//! `x-serin-checkout` for users in one of the parts, and a counter for each variant.

use std::io::Cursor;

use murmur3::murmur3_32;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MetricType};

const HEADER: &str = "x-serin-checkout";
/// 5 % of the hash space of 2^32.
const PART: u32 = 214_748_365;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Root::default()) });
}}

#[derive(Clone, Copy, Default)]
struct Counters {
    stable: u32,
    b: u32,
    c: u32,
}

#[derive(Default)]
struct Root {
    counters: Counters,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        let define = |variant: &str| hostcalls::define_metric(MetricType::Counter, &format!("split.{variant}"));
        match (define("stable"), define("b"), define("c")) {
            (Ok(stable), Ok(b), Ok(c)) => {
                self.counters = Counters { stable, b, c };
                true
            }
            _ => false,
        }
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Split { counters: self.counters }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Split {
    counters: Counters,
}

impl Context for Split {}

impl HttpContext for Split {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let cookie = self.get_http_request_header("cookie").unwrap_or_default();
        let hash = cookie
            .split(';')
            .find_map(|pair| pair.trim().strip_prefix("uid="))
            .and_then(|user| murmur3_32(&mut Cursor::new(format!("checkout/{user}")), 0).ok());
        let (variant, counter) = match hash {
            Some(hash) if hash < PART => (Some("b"), self.counters.b),
            Some(hash) if hash >= u32::MAX - PART + 1 => (Some("c"), self.counters.c),
            _ => (None, self.counters.stable),
        };
        // Without a variant the header is removed: no client may choose.
        self.set_http_request_header(HEADER, variant);
        let _ = hostcalls::increment_metric(counter, 1);
        Action::Continue
    }
}

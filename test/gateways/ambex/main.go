// Emissary's ambex, as the ADS server that Envoy has in Emissary: nothing is added. The image's own ambex is part of
// its entrypoint, which does not run outside of Kubernetes.
//
//	ambex -ads-listen-address 127.0.0.1:PORT FOLDER    (SIGHUP: read the folder again)
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/emissary-ingress/emissary/v3/pkg/ambex"
)

func main() {
	// ambex itself listens to SIGHUP. Its parent may be killed where it can end nothing: the end of its input ends it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		stop()
	}()
	// Usage tells how much memory is in use, in percent: above 50 ambex begins to hold updates back.
	usage := func() int { return 0 }
	err := ambex.Main(ctx, "3.10.0", usage, make(chan *ambex.FastpathSnapshot), os.Args[1:]...)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

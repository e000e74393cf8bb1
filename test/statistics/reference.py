# The numbers of known-values.test.ts, once: pip install scipy && python3 test/statistics/reference.py   (scipy 1.17.1)
import numpy as np
from scipy import optimize, special, stats


def log_likelihood(successes, trials, rate):
    return special.xlogy(successes, rate) + special.xlog1py(trials - successes, -rate)


def mixture(successes, trials, a=0.5, b=0.5):
    return special.betaln(a + successes, b + trials - successes) - special.betaln(a, b)


def dirichlet_multinomial(counts, shares, k=100):
    x, share = np.array(counts), np.array(shares)
    a = k * share
    evidence = special.gammaln(k) - special.gammaln(k + x.sum()) + (special.gammaln(a + x) - special.gammaln(a)).sum()
    return evidence - (x * np.log(share)).sum()


def rate_interval(successes, trials, alpha):
    excess = lambda p: mixture(successes, trials) - log_likelihood(successes, trials, p) + np.log(alpha)
    seen = successes / trials
    return optimize.brentq(excess, 1e-12, seen), optimize.brentq(excess, seen, 1 - 1e-12)


print("ratio", dirichlet_multinomial([44500, 5500], [0.9, 0.1]), dirichlet_multinomial([8900, 780, 320], [0.9, 0.07, 0.03]))
print("rate", rate_interval(5, 1000, 0.05), rate_interval(300, 1000, 0.01))

RATIOS = np.array([1.25, 1.5, 2, 3, 4, 6, 8, 12, 18, 25])


def ratio_log(x, y, pi, r):
    return x * np.log(r / (1 + (r - 1) * pi)) - y * np.log(1 + (r - 1) * pi)


def worse(x, y, pi):
    return special.logsumexp(ratio_log(x, y, pi, RATIOS)) - np.log(len(RATIOS))


def shown(ratio, met):
    return (1 - (1 - met) ** ratio) / met if met > 0 else ratio


def below(x, n, delta):
    q = np.array([1 / 16, 1 / 8, 1 / 4, 1 / 2])
    return special.logsumexp(x * np.log(q) + (n - x) * np.log((1 - q * delta) / (1 - delta))) - np.log(4)


def ratio_interval(x, y, pi, alpha):
    low, high = rate_interval(x, x + y, alpha)
    return [p / (1 - p) * (1 - pi) / pi for p in (low, high)]


print("worse", worse(10, 9, 0.2), worse(0, 40, 0.2), worse(3, 3, 0.5), "fewer", worse(40, 0, 0.8))
print("shown", shown(1.5, 0.1), shown(1.5, 0.5))
print("within", -ratio_log(20, 80, 0.2, 1.5), -ratio_log(20, 80, 0.2, shown(1.5, 0.5)))
print("below", below(0, 740, 0.005), below(1, 1220, 0.005), below(2, 1000, 0.02))
print("linear counting", -65536 * np.log(1 - 30000 / 65536) * 6000 / 30000)
print("ratio interval", ratio_interval(30, 40, 0.2, 0.05), ratio_interval(5, 100, 0.2, 0.005))
s, p0, r = 0.2, 0.01, 1.5
print("to pass", np.log(20) / (p0 / s * (s * np.log((1 + (r - 1) * s) / r) + (1 - s) * np.log(1 + (r - 1) * s))))
r = 5
print("to find", (np.log(200) + 1.15) / (r * p0 * np.log(r / (1 + (r - 1) * s)) - p0 * (1 - s) / s * np.log(1 + (r - 1) * s)))

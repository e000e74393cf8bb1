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


def best(treated, control, difference):
    low, high = max(0, -difference), min(1, 1 - difference)
    found = optimize.minimize_scalar(
        lambda p: -(log_likelihood(*control, p) + log_likelihood(*treated, min(1, max(0, p + difference)))),
        bounds=(low, high), method="bounded", options={"xatol": 1e-12})
    return -found.fun


def difference_interval(treated, control, alpha):
    both = mixture(*treated) + mixture(*control)
    seen = treated[0] / treated[1] - control[0] / control[1]
    excess = lambda d: both - best(treated, control, d) + np.log(alpha)
    return optimize.brentq(excess, -0.999, seen), optimize.brentq(excess, seen, 0.999), both - best(treated, control, 0)


def rate_interval(successes, trials, alpha):
    excess = lambda p: mixture(successes, trials) - log_likelihood(successes, trials, p) + np.log(alpha)
    seen = successes / trials
    return optimize.brentq(excess, 1e-12, seen), optimize.brentq(excess, seen, 1 - 1e-12)


def rank_interval(total, level, alpha, k=50):
    excess = lambda r: (mixture(r, total, k * level, k * (1 - level)) - log_likelihood(r, total, level) + np.log(alpha))
    return optimize.brentq(excess, 0, total * level), optimize.brentq(excess, total * level, total)


def sequential_width(n, alpha, tuned=1000):
    rho2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha) + 1)) / tuned
    return np.sqrt(2 * (n * rho2 + 1) / (n * n * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha)) * np.sqrt(n)


print("chi-square", stats.chisquare([4650, 350], [4750, 250]).pvalue, stats.chisquare([8900, 780, 320], [9000, 700, 300]).pvalue)
print("ratio", dirichlet_multinomial([44500, 5500], [0.9, 0.1]), dirichlet_multinomial([8900, 780, 320], [0.9, 0.07, 0.03]))
for case in [((50, 1000), (90, 9000), 0), ((50, 1000), (90, 9000), 0.02), ((50, 1000), (90, 9000), -0.01),
             ((0, 300), (5, 2700), 0.004), ((3, 50), (0, 60), 0.01), ((56, 70), (48, 80), 0.3)]:
    print("best", case, best(*case))
print("difference", difference_interval((50, 1000), (90, 9000), 0.005), difference_interval((3, 200), (20, 1800), 0.01))
print("rate", rate_interval(5, 1000, 0.05), rate_interval(300, 1000, 0.01))
print("ranks", rank_interval(10000, 0.99, 0.000625), rank_interval(2000, 0.5, 0.01))
print("width", sequential_width(1000, 0.05), sequential_width(20000, 0.01))

x = np.repeat([10, 11, 12, 13], [40, 80, 60, 20])
y = np.repeat([10, 11, 12, 13], [150, 200, 100, 50])
u = stats.mannwhitneyu(x, y, alternative="greater", method="asymptotic", use_continuity=False)
pairs = (x[:, None] > y[None, :]) + 0.5 * (x[:, None] == y[None, :])
error = np.sqrt(pairs.mean(1).var() / len(x) + pairs.mean(0).var() / len(y))
print("mann-whitney", u.statistic / (len(x) * len(y)), error, stats.norm.sf((pairs.mean() - 0.5) / error))

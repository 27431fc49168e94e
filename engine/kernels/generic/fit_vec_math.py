#!/usr/bin/env python3
"""Prints the coefficients of vec_math.inl: minimax fits by Lawson's iteratively reweighted least squares.

usage: fit_vec_math.py      (needs numpy and scipy)
"""
import numpy as np
from scipy.special import erf, ndtr


def chebyshev(low, high, n):
    return (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(n) + 0.5) / n)


def fit(f, low, high, p, q, weight=lambda t, y: 1 / np.abs(y), rounds=500):
    """P of degree p and Q of degree q, Q(0) = 1, with the least largest |P/Q - f| * weight on [low, high]."""
    t = np.sort(chebyshev(low, high, 4001))
    y = f(t)
    scale = weight(t, y)
    attention, denominator = np.ones_like(t), np.ones_like(t)
    best = (np.inf,)
    for _ in range(rounds):
        columns = np.hstack([t[:, None] ** np.arange(p + 1), -y[:, None] * t[:, None] ** np.arange(1, q + 1)])
        row = np.sqrt(attention) * scale / np.abs(denominator)
        solution, *_ = np.linalg.lstsq(columns * row[:, None], y * row, rcond=None)
        top, bottom = solution[: p + 1], np.concatenate([[1], solution[p + 1 :]])
        denominator = np.polyval(bottom[::-1], t)
        error = np.abs(np.polyval(top[::-1], t) / denominator - y) * scale
        best = min(best, (error.max(), top, bottom), key=lambda r: r[0])
        attention = attention * np.sqrt(error / error.max() + 1e-6)
        attention /= attention.sum()
    return best


def show(name, result):
    error, top, bottom = result
    print(f"{name}: largest error {error:.2g}")
    print("  P", ", ".join(f"{np.float32(c):.9g}" for c in top))
    if len(bottom) > 1:
        print("  Q", ", ".join(f"{np.float32(c):.9g}" for c in bottom))


def exp_rest(r):  # (exp(r) - 1 - r) / r^2
    small = np.abs(r) < 1e-3
    return np.where(small, 1 / 2 + r / 6 + r**2 / 24 + r**3 / 120, (np.expm1(r) - r) / np.where(r == 0, 1, r**2))


def exp2_rest(f):  # (2^f - 1) / f
    ln2 = np.log(2)
    return np.where(np.abs(f) < 1e-5, ln2 + f * ln2**2 / 2, np.expm1(f * ln2) / np.where(f == 0, 1, f))


def erf_over_x(u):  # u = x^2
    root = np.sqrt(u)
    return np.where(u < 1e-8, 2 / np.sqrt(np.pi) * (1 - u / 3), erf(root) / np.where(u == 0, 1, root))


def tanh_over_x(u):
    root = np.sqrt(u)
    return np.where(u < 1e-8, 1 - u / 3, np.tanh(root) / np.where(u == 0, 1, root))


def gelu_weight(x, phi):  # 1 where x phi is off by 1.5e-5 + 2^-13 of it
    return np.abs(x) / (1.5e-5 + 2**-13 * np.abs(x * phi))


half_ln2 = np.log(2) / 2 * 1.001
show("exp", fit(exp_rest, -half_ln2, half_ln2, 4, 0, weight=lambda r, _: r**2 / np.exp(r)))
show("exp2", fit(exp2_rest, -0.5005, 0.5005, 5, 0, weight=lambda f, _: np.abs(f) / 2**f))
show("erf", fit(erf_over_x, 0, 3.93**2, 5, 5))
show("tanh", fit(tanh_over_x, 0, 9.02**2, 4, 4))
print("bf16_math.h")
show("exp2", fit(exp2_rest, 0, 1, 2, 0, weight=lambda f, _: f / 2**f))
stretches = [fit(ndtr, (k - 9.5) / 1.75, (k - 8.5) / 1.75, 3, 0, weight=gelu_weight) for k in range(1, 16)]
print(f"gelu: largest error {max(error for error, *_ in stretches):.2g}")
for power in range(4):
    print(" ", ", ".join(f"{np.float32(top[power]):.9g}" for _, top, _ in stretches))

"""Answers `corroborate conform` with functions of published libraries: rlax, scipy, scikit-learn.

`peers.py --list` prints the functions that it answers, one line a paper: the paper and its functions.
"""
import json
import sys

import numpy as np


def surrogate(x):
    """The PPO/GRPO surrogate by rlax's clipped loss, its gradient by jax."""
    import jax
    import jax.numpy as jnp
    import rlax

    jax.config.update("jax_enable_x64", True)
    goal = x["objective"]
    responses = x["responses"]
    if goal["aggregation"] != "sequence-mean" or goal["clip_low"] is None or goal["clip_low"] != goal["clip_high"]:
        return None  # rlax has one epsilon, and the mean
    if any("centre" in response for response in responses):
        return None  # and its interval is centred at one

    def kept(response):
        mask = np.array(response.get("mask", [True] * len(response["new"])), bool)
        part = {name: jnp.array(response[name])[mask] for name in ("new", "old", "reference")}
        advantages = jnp.broadcast_to(jnp.array(response["advantages"]), mask.shape)[mask]
        return part["new"], part["old"], part["reference"], advantages, mask

    def of_response(new, old, reference, advantages):
        loss = rlax.clipped_surrogate_pg_loss(jnp.exp(new - old), advantages, goal["clip_low"])
        away = reference - new
        return -loss - goal["beta"] * jnp.mean(jnp.exp(away) - away - 1)

    value, gradient, clipped = 0.0, [], 0
    for response in responses:
        new, old, reference, advantages, mask = kept(response)
        value += of_response(new, old, reference, advantages) / len(responses)
        slopes = np.zeros(mask.shape)
        slopes[mask] = jax.grad(of_response)(new, old, reference, advantages) / len(responses)
        gradient.append(slopes.tolist())
        ratio, epsilon = jnp.exp(new - old), goal["clip_low"]
        beyond = ((advantages > 0) & (ratio > 1 + epsilon)) | ((advantages < 0) & (ratio < 1 - epsilon))
        clipped += int(beyond.sum())
    return {"value": float(value), "gradient": gradient, "clipped": clipped}


def nearest_pair(x):
    """The nearest pair of a dataset by scipy's tree; among equal distances the first."""
    from scipy.spatial import cKDTree

    def row(pair):
        return [x["beta"] * s for s in pair["state"]] + pair["action"]

    data = x["data"]
    distances, indices = cKDTree([row(pair) for pair in data]).query(row(x["pair"]), k=range(1, len(data) + 1))
    index = int(min(i for d, i in zip(distances, indices) if d == distances[0]))
    return {"index": index, "distance": float(distances[0]), "nearest": data[index]}


def gp_posterior(x):
    """The posterior of a Gaussian process by scikit-learn."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel

    kernel = ConstantKernel(x["variance"], "fixed") * RBF(x["length_scale"], "fixed")
    process = GaussianProcessRegressor(kernel, alpha=x["noise"], optimizer=None)
    means, deviations = process.fit(x["points"], x["values"]).predict(x["queries"], return_std=True)
    return {"means": means.tolist(), "variances": (deviations**2).tolist()}


ANSWERS = {
    ("offline-mbrl-design", "gp-posterior"): gp_posterior,
    ("prdc", "nearest-pair"): nearest_pair,
    ("single-stream-po", "surrogate"): surrogate,
}

if sys.argv[1:] == ["--list"]:
    for paper in sorted({paper for paper, _ in ANSWERS}):
        print(paper, *sorted(function for of, function in ANSWERS if of == paper))
    sys.exit()

BY_FUNCTION = {function: answer for (_, function), answer in ANSWERS.items()}
for line in sys.stdin:
    question = json.loads(line)
    output = BY_FUNCTION[question["function"]](question["input"])
    answer = {"skip": "the library does not do this"} if output is None else {"output": output}
    print(json.dumps({"id": question["id"]} | answer), flush=True)

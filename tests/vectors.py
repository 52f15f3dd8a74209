"""Holds an implementation to test vectors; here the losses of bounded-ratio-rl."""
import json
import sys


def same(a, b, tolerance):
    if isinstance(a, dict):
        return isinstance(b, dict) and all(k in b and same(v, b[k], tolerance) for k, v in a.items())
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b))
    if isinstance(a, (int, float)) and isinstance(b, (int, float)) and not isinstance(a, bool):
        return abs(a - b) <= tolerance * max(1, abs(a), abs(b))
    return a == b


def mine(x):  # your own code goes here
    clipped = min(max(x["ratio"], 1 - x["epsilon"]), 1 + x["epsilon"])
    return {
        "ppo": -min(x["ratio"] * x["advantage"], clipped * x["advantage"]),
        "bpo": abs(x["advantage"]) * abs(x["ratio"] - x["target"]),
    }


file = json.load(open(sys.argv[1]))
for vector in file["vectors"]:
    assert same(vector["output"], mine(vector["input"]), file["tolerance"]), vector
    for miss in vector["near_misses"]:
        assert not same(miss["output"], mine(vector["input"]), file["tolerance"]), miss["mistake"]
print(len(file["vectors"]), "vectors answered rightly, every near miss rejected")

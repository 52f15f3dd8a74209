"""Answers `corroborate conform single-stream-po` for group-relative advantages (GRPO)."""
import json
import math
import sys


def degenerate(rewards):  # all responses are equally good, whatever their mean rounds to
    return min(rewards) == max(rewards)


def advantages(rewards, kind, delta):  # your own code goes here
    if degenerate(rewards):
        return [0.0] * len(rewards)
    mean = sum(rewards) / len(rewards)
    squares = sum((r - mean) ** 2 for r in rewards)
    deviation = math.sqrt(squares / (len(rewards) - (kind == "sample")))
    return [(r - mean) / (deviation + delta) for r in rewards]


for line in sys.stdin:
    question = json.loads(line)
    answer = {"id": question["id"]}
    x = question["input"]
    if question["function"] == "group-advantages" and "grpo" in x["estimator"] and not x.get("batch"):
        grpo = x["estimator"]["grpo"]
        answer["output"] = {
            "advantages": [advantages(r, grpo["deviation"], grpo["delta"]) for r in x["rewards"]],
            "degenerate": [degenerate(r) for r in x["rewards"]],
        }
    else:
        answer["skip"] = "not mine"
    print(json.dumps(answer), flush=True)

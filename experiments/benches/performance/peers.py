"""Does the work of other programs for the benchmark, a request a line, an answer a line.

A request to prepare names the work, the program, its settings, and files of numbers. Preparing reads them, builds what
the program wants, and warms it up. A request to run does the work once; only that is timed. Answers are numbers in a
file, for the benchmark to compare with its own before it forms any ratio.
"""
import importlib.metadata
import json
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def resamples(generator, scores, count):
    """Runs drawn within each task: count × runs × tasks."""
    runs, tasks = scores.shape
    picks = generator.integers(0, runs, size=(count, runs, tasks))
    return np.take_along_axis(scores[None], picks, axis=1)


def ends(estimate, values, level):
    return [estimate, *np.quantile(values, [level / 2, 1 - level / 2])]


def interquartile_mean_numpy(data, runs, tasks, resamples_, level):
    scores, generator = data["scores"].reshape(runs, tasks), np.random.default_rng(0)
    cut = scores.size // 4

    def middle(flat):
        flat.sort(axis=1)
        return flat[:, cut : scores.size - cut].mean(axis=1)

    def run():
        drawn = middle(resamples(generator, scores, resamples_).reshape(resamples_, -1))
        return ends(middle(scores.reshape(1, -1).copy())[0], drawn, level)

    return run


def interquartile_mean_rliable(data, runs, tasks, resamples_, level):
    from rliable import library, metrics

    scores = {"ours": data["scores"].reshape(runs, tasks)}

    def run(reps=resamples_):
        statistic = lambda x: np.array([metrics.aggregate_iqm(x)])
        generator = np.random.RandomState(0)
        estimates, intervals = library.get_interval_estimates(
            scores, statistic, reps=reps, confidence_interval_size=1 - level, random_state=generator
        )
        return [estimates["ours"][0], *intervals["ours"].ravel()]

    run(100)
    return run


def improvement_numpy(data, runs, tasks, resamples_, level):
    x, y = (data[name].reshape(runs, tasks) for name in ("x", "y"))
    generator = np.random.default_rng(0)

    def share(a, b):
        a, b = a[:, :, None, :], b[:, None, :, :]
        return (a > b).mean(axis=(1, 2, 3)) + 0.5 * (a == b).mean(axis=(1, 2, 3))

    def run():
        drawn = share(resamples(generator, x, resamples_), resamples(generator, y, resamples_))
        return ends(share(x[None], y[None])[0], drawn, level)

    return run


def improvement_rliable(data, runs, tasks, resamples_, level):
    from rliable import library, metrics

    pair = {"pair": tuple(data[name].reshape(runs, tasks) for name in ("x", "y"))}

    def run(reps=resamples_):
        generator = np.random.RandomState(0)
        estimates, intervals = library.get_interval_estimates(
            pair, metrics.probability_of_improvement, reps=reps, confidence_interval_size=1 - level, random_state=generator
        )
        return [estimates["pair"], *intervals["pair"].ravel()]

    run(5)
    return run


def process(data, states, actions, width):
    from scipy import sparse

    pairs = states * actions
    pointers = np.arange(0, pairs * width + 1, width, dtype=np.int32)
    rows = sparse.csr_matrix(
        (data["probabilities"], data["successors"].astype(np.int32), pointers), shape=(pairs, states)
    )
    rows.sum_duplicates()
    return rows, data["rewards"]


def optimal_values_scipy(data, states, actions, width, discount, tolerance):
    """Value iteration with MacQueen's bounds."""
    rows, rewards = process(data, states, actions, width)

    def run():
        values = np.zeros(states)
        while True:
            following = (rewards + discount * (rows @ values)).reshape(states, actions).max(axis=1)
            step = following - values
            low, high = (discount / (1 - discount) * end for end in (step.min(), step.max()))
            if high - low <= 2 * tolerance:
                return following + 0.5 * (low + high)
            values = following

    return run


def optimal_values_quantecon(data, states, actions, width, discount, tolerance):
    from quantecon.markov import DiscreteDP

    rows, rewards = process(data, states, actions, width)
    s_indices = np.repeat(np.arange(states), actions)
    a_indices = np.tile(np.arange(actions), states)
    model = DiscreteDP(rewards, rows, discount, s_indices, a_indices)

    def solve(model):
        # Its criterion is the span of a step, so that the values are within half of epsilon.
        return model.solve(method="modified_policy_iteration", epsilon=2 * tolerance).v

    from scipy import sparse

    solve(DiscreteDP(np.array([0.0, 1.0]), sparse.csr_matrix(np.eye(2)), 0.5, np.arange(2), np.zeros(2, dtype=int)))
    return lambda: solve(model)


def optimal_values_mdpsolver(data, states, actions, width, discount, tolerance):
    import mdpsolver

    rewards = data["rewards"].reshape(states, actions).tolist()
    probabilities = data["probabilities"].reshape(states, actions, width).tolist()
    columns = data["successors"].astype(int).reshape(states, actions, width).tolist()
    model = mdpsolver.model()

    def run():
        model.solve(tolerance=tolerance, parallel=False)
        # Handing the values over as a list is not part of solving.
        return lambda: np.array(model.getValueVector())

    def before():
        # A model that was solved starts from its solution.
        model.initialize()
        model.mdp(discount=discount, rewards=rewards, tranMatProbs=probabilities, tranMatColumns=columns)

    run.before = before
    return run


def optimal_values_storm(data, states, actions, width, discount, tolerance):
    """Storm's discounted total rewards, by one of its sound methods."""
    import stormpy
    from stormpy import datastructures, environments, models

    rows, rewards = process(data, states, actions, width)
    builder = datastructures.SparseMatrixBuilder[float](has_custom_row_grouping=True)
    ends, successors, probabilities = rows.indptr.tolist(), rows.indices.tolist(), rows.data.tolist()
    for row in range(states * actions):
        if row % actions == 0:
            builder.new_row_group(row)
        for i in range(ends[row], ends[row + 1]):
            builder.add_next_value(row, successors[i], probabilities[i])
    labels = models.StateLabeling(states)
    labels.add_label("init")
    labels.add_label_to_state("init", 0)
    gain = models.SparseRewardModel[float](optional_state_action_reward_vector=rewards.tolist())
    components = models.SparseModelComponents[float](
        transition_matrix=builder.build(), state_labeling=labels, reward_models={"gain": gain}
    )
    model = models.SparseMdp[float](components)
    formula = stormpy.parse_properties(f'R{{"gain"}}max=? [Cdiscount={discount}]')[0]
    environment = environments.sound()
    solver = environment.solver().min_max()
    solver.precision = stormpy.Rational(str(tolerance))
    solver.relative_termination_criterion = False

    def run():
        result = stormpy.model_checking(model, formula, environment=environment)
        return lambda: np.array(result.get_value_vector())

    return run


def covariance(x, y, length_scale):
    from scipy.spatial.distance import cdist

    squares = cdist(x, y, "sqeuclidean")
    squares *= -0.5 / length_scale**2
    return np.exp(squares, out=squares)


def posterior_scipy(data, dimension, noise, length_scale):
    from scipy import linalg

    points, queries = (data[name].reshape(-1, dimension) for name in ("points", "queries"))

    def run():
        gram = covariance(points, points, length_scale)
        gram.flat[:: len(points) + 1] += noise
        root = linalg.cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        weights = linalg.cho_solve((root, True), data["values"], check_finite=False)
        cross = covariance(points, queries, length_scale)
        halves = linalg.solve_triangular(root, cross, lower=True, check_finite=False)
        return np.concatenate([cross.T @ weights, 1.0 - (halves**2).sum(axis=0)])

    return run


def temporal_differences_scipy(data, noise, discount):
    from scipy import linalg, sparse

    steps = len(data["rewards"])
    gram = data["gram"].reshape(steps, steps)
    differences = sparse.diags_array([np.ones(steps), np.full(steps - 1, -discount)], offsets=[0, 1], format="csr")
    noises = noise * (differences @ differences.T)

    def run():
        system = differences @ (differences @ gram).T
        system[np.arange(steps), np.arange(steps)] += noises.diagonal()
        near = np.arange(steps - 1)
        system[near, near + 1] += noises.diagonal(1)
        system[near + 1, near] += noises.diagonal(-1)
        root = linalg.cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        return differences.T @ linalg.cho_solve(root, data["rewards"], check_finite=False)

    return run


def online_temporal_differences_numpy(data, noise, discount, threshold, length_scale):
    """Engel, Mannor and Meir (2003), deterministic transitions, with the inverse of the members' covariance."""
    path, queries = (data[name].reshape(-1, 2) for name in ("path", "queries"))
    scale = -0.5 / length_scale**2

    def run():
        members = np.empty((16, 2))
        inverse, weights, reduction = np.zeros((0, 0)), np.zeros(0), np.zeros((0, 0))
        before = None
        for t, point in enumerate(path):
            d = len(weights)
            k = np.exp(scale * ((members[:d] - point) ** 2).sum(axis=1))
            a = inverse @ k
            novelty = 1.0 - k @ a
            if novelty > threshold:
                if d == len(members):
                    members = np.concatenate([members, np.empty_like(members)])
                members[d] = point
                grown = np.empty((d + 1, d + 1))
                grown[:d, :d] = inverse + np.outer(a, a) / novelty
                grown[:d, d] = grown[d, :d] = -a / novelty
                grown[d, d] = 1.0 / novelty
                inverse = grown
                weights = np.append(weights, 0.0)
                reduction = np.pad(reduction, (0, 1))
                if before is not None:
                    before, seen = np.append(before, 0.0), np.append(seen, k @ before)
                a, k = np.zeros(d + 1), np.append(k, 1.0)
                a[d] = 1.0
            if before is not None:
                # The members' covariance times the combinations of members that stand for the two points.
                h, kh = before - discount * a, seen - discount * k
                gain = h - reduction @ kh
                variance = noise + kh @ gain
                weights = weights + gain * ((data["rewards"][t - 1] - kh @ weights) / variance)
                reduction = reduction + np.outer(gain, gain) / variance
            before, seen = a, k
        d = len(weights)
        cross = np.exp(scale * ((queries[:, None] - members[None, :d]) ** 2).sum(axis=2))
        return np.concatenate([[d], cross @ weights])

    return run


def bandit_numpy(data, runs, rounds):
    means, arms = data["means"], len(data["means"])
    numbers = data["numbers"].reshape(runs, rounds)

    def run():
        pulls, wins = np.zeros((runs, arms)), np.zeros((runs, arms))
        every = np.arange(runs)
        for t in range(rounds):
            if t < arms:
                arm = np.full(runs, t)
            else:
                arm = (wins / pulls + np.sqrt(2 * np.log(t) / pulls)).argmax(axis=1)
            pulls[every, arm] += 1
            wins[every, arm] += numbers[:, t] < means[arm]
        return pulls.sum(axis=0) / (runs * rounds)

    return run


def bets():
    fractions = 2.0 ** (-0.5 * np.arange(17))
    weights = np.concatenate([[0.125], np.full(16, 0.875 / 16)])
    return fractions, weights


def confidence_sequence_numpy(data, level):
    """The same bets as ours, halving the range."""
    fractions, weights = bets()

    def limit(shares):
        inside, outside = 1.0, 0.0
        for _ in range(33):
            middle = 0.5 * (inside + outside)
            with np.errstate(divide="ignore"):
                logs = np.log1p(fractions[:, None] * (shares / middle - 1.0)[None]).sum(axis=1)
            top = logs.max()
            wealth = top + np.log((weights * np.exp(logs - top)).sum())
            inside, outside = (inside, middle) if wealth >= -np.log(level) else (middle, outside)
        return outside

    return lambda: [limit(data["values"]), 1.0 - limit(1.0 - data["values"])]


def confseq():
    # confseq was written for numpy 1.
    np.float_ = np.float64
    from confseq import betting

    return betting


def confidence_sequence_confseq(data, level):
    betting = confseq()

    def run(values=data["values"], breaks=1000):
        low, high = betting.betting_cs(values, alpha=2 * level, breaks=breaks)
        return [low[-1], high[-1]]

    run(data["values"][:50], 20)
    return run


def confidence_sequence_confseq_same_bets(data, level):
    betting = confseq()
    fractions, weights = bets()
    above = [lambda x, m, f=f: np.full(len(x), f / m if m > 0 else np.inf) for f in fractions]
    below = [lambda x, m, f=f: np.full(len(x), f / (1 - m) if m < 1 else np.inf) for f in fractions]

    def wealth(x, m):
        return betting.diversified_betting_mart(x, m, above, below, weights, trunc_scale=1.0)

    def run(values=data["values"], breaks=1000):
        low, high = betting.cs_from_martingale(values, wealth, breaks=breaks, alpha=2 * level)
        return [low[-1], high[-1]]

    run(data["values"][:50], 20)
    return run


def property_cases_hypothesis(data, cases, states, actions, discount):
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    weight = st.one_of(st.just(0), st.just(1), st.integers(0, 99), st.integers(0, 99))
    reward = st.one_of(st.just(0.0), st.just(1.0), st.just(-1.0), st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))

    @st.composite
    def instances(draw):
        s, a = draw(st.integers(1, states)), draw(st.integers(1, actions))
        lists = [(weight, s * a * s), (reward, s * a), (weight, s), (weight, s * a)]
        drawn = [draw(st.lists(element, min_size=n, max_size=n)) for element, n in lists]
        return s, a, draw(st.one_of(st.just(0.0), st.just(discount), st.floats(0, discount))), *drawn

    def normalised(weights, width):
        rows = np.array(weights, dtype=float).reshape(-1, width)
        rows[rows.sum(axis=1) == 0, 0] = 1.0
        return rows / rows.sum(axis=1, keepdims=True)

    def run(count=cases):
        violating, seen = 0, 0

        @settings(
            max_examples=count, database=None, deadline=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(instances())
        def holds(instance):
            nonlocal violating, seen
            s, a, gamma, transitions, rewards, _, policy = instance
            p, r = normalised(transitions, s).reshape(s, a, s), np.array(rewards).reshape(s, a)
            pi = normalised(policy, a)
            chain = np.einsum("sa,sat->st", pi, p)
            values = np.linalg.solve(np.eye(s) - gamma * chain, (pi * r).sum(axis=1))
            q = r + gamma * p @ values
            seen += 1
            violating += bool((abs((pi * q).sum(axis=1) - values) > 1e-9).any())

        holds()
        run.pieces = seen
        return [violating]

    run(10)
    return run


# The distribution of each program, for its version.
DISTRIBUTIONS = {"confseq": "confseq", "storm": "stormpy"}


def prepared(request):
    data = {name: np.fromfile(path) for name, path in request["data"].items()}
    program = request["against"]
    function = f"{request['kind']}_{program}".replace("-", "_").replace(", ", "_").replace(" ", "_")
    settings = {"resamples_" if name == "resamples" else name: value for name, value in request["settings"].items()}
    run = globals()[function](data, **settings)
    name = program.split(",")[0]
    return run, importlib.metadata.version(DISTRIBUTIONS.get(name, name))


run = None
for line in sys.stdin:
    request = json.loads(line)
    try:
        if "kind" in request:
            run, version = prepared(request)
            reply = {"version": version}
        else:
            getattr(run, "before", lambda: None)()
            start = time.perf_counter()
            answer = run()
            seconds = time.perf_counter() - start
            if callable(answer):
                answer = answer()
            np.asarray(answer, dtype=float).tofile(request["answer"])
            reply = {"seconds": seconds, "pieces": getattr(run, "pieces", 1)}
    except BaseException as error:  # Whatever goes wrong is for the benchmark to tell.
        reply = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(reply), flush=True)

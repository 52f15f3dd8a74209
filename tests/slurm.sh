#!/usr/bin/env bash
# Submits a run to a real Slurm of one node, kills a shard and the controller, submits again, and holds
# the verdicts and pages to those of a local run: `slurm.sh PROGRAM`. Daemons, their state and all
# results live in a temporary folder and end with the test. Where Slurm cannot run, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "$1")

skip() {
    echo "SKIPPED: no run was submitted to Slurm: $1"
    exit 0
}

fail() {
    echo "FAILED: $1" >&2
    sinfo --long --Node >&2 || true
    squeue --long >&2 || true
    tail -n 20 "$work"/*.log "$work"/jobs/*.log >&2 || true
    exit 1
}

[ "$(id -u)" = 0 ] || skip "its daemons need root"
for daemon in munged slurmctld slurmd; do
    if ! command -v "$daemon" >/dev/null; then
        command -v apt-get >/dev/null || skip "there is no $daemon, and no apt-get to install it with"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends slurm-wlm munge; } >/dev/null 2>&1 ||
            skip "the packages slurm-wlm and munge cannot be installed"
    fi
done
host=$(hostname -s)
getent hosts "$host" >/dev/null || skip "the name $host of this machine leads nowhere"

work=$(mktemp -d)
munged_pid='' controller_pid='' node_pid=''
# Invoked by the trap, in reverse order of starting.
clean_up() {
    trap - EXIT
    scancel --user root 2>/dev/null || true
    for pid in $node_pid $controller_pid $munged_pid; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# No process of an earlier test and no cluster of this machine is asked: ports and sockets are our own.
export SLURM_CONF=$work/slurm.conf
mkdir "$work/state" "$work/spool"
cat >"$SLURM_CONF" <<CONF
ClusterName=trial
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
SlurmUser=root
AuthInfo=socket=$work/munge.socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=3
PartitionName=all Nodes=$host Default=YES State=UP
CONF

dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 status=none
chmod 600 "$work/munge.key"
munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.socket" \
    --pid-file="$work/munged.pid" --seed-file="$work/munged.seed" --log-file="$work/munged.log" &
munged_pid=$!
start_controller() {
    slurmctld -D >>"$work/slurmctld.log" 2>&1 &
    controller_pid=$!
}

# Waits until a command succeeds.
until_true() {
    local what=$1 tries=300
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "$what has not happened within a minute"
        sleep 0.2
    done
}

until_true "an answer of munged" test -S "$work/munge.socket"
start_controller
slurmd -D -N "$host" >"$work/slurmd.log" 2>&1 &
node_pid=$!
node_is_idle() { [ "$(sinfo --noheader --format %t)" = idle ]; }
until_true "an idle node" node_is_idle

# Long enough to be killed on the way.
selection=("fisher-non-degenerate-pg.*")
submit() {
    "$program" submit "${selection[@]}" --engine slurm --shards 3 --tier full --dir "$work/jobs"
}
# Process of a shard: the one that writes to its store.
process() { pgrep -f -- "--store $work/jobs/shard-$1 "; }
# Records of a shard so far.
records() { cat "$work/jobs/shard-$1"/records/*/* 2>/dev/null | wc -l; }
has_begun() { process "$1" && [ "$(records "$1")" -gt 2 ]; }
nothing_runs() { jobs=$(squeue --noheader) && [ -z "$jobs" ]; }

echo "== a shard and the controller are killed"
submit
until_true "a shard that has begun" has_begun 2
# It does not end while the controller saves what it knows of the jobs: what it has not saved, it forgets.
kill -STOP "$(process 2)"
touch "$work/mark"
scontrol update JobId="$(squeue --noheader --name corroborate-merge --format %i)" Comment=saved
state_is_saved() { [ "$work/state/job_state" -nt "$work/mark" ]; }
until_true "a saved state" state_is_saved
{ kill -9 "$controller_pid" && wait "$controller_pid"; } 2>/dev/null || true
kill -9 "$(process 2)"
kept=$(records 2)
start_controller
until_true "an answer of the new controller" squeue
until_true "an end of all jobs" nothing_runs
[ ! -e "$work/jobs/pages" ] || fail "shards were merged although one of them was killed"
compgen -G "$work/jobs/shard-2/shards/*/*" >/dev/null && fail "the killed shard says that it is done"
echo "shard 2 was killed with $kept records; the controller was killed and started again; nothing was merged"

echo "== submitted again"
submit
until_true "an end of all jobs" nothing_runs
[ -e "$work/jobs/pages/verdicts.json" ] || fail "the shards were not merged"
[ "$(records 2)" -gt "$kept" ] || fail "the killed shard has measured nothing more"
for shard in 1 3; do
    tail -n 2 "$work/jobs/shard-$shard.log" | grep -q "Nothing had to be measured" ||
        fail "shard $shard has measured again what it had"
done
grep -H Measured "$work"/jobs/shard-*.log | sed "s|$work/jobs/||; s|; kept in .*||"

echo "== on this machine alone"
"$program" verify "${selection[@]}" --tier full --store "$work/local" --out "$work/pages" --quiet
diff -r "$work/pages" "$work/jobs/pages" || fail "the verdicts or pages differ"
digest() { sha256sum "$1/verdicts.json" | cut -d ' ' -f 1; }
echo "verdicts by Slurm  $(digest "$work/jobs/pages")"
echo "verdicts by itself $(digest "$work/pages")"

#!/usr/bin/env bash
# Sourced by slurm_*.sh. Runs a tool on a Slurm cluster, one task a GPU, which Slurm signals before the time is up:
#   run_on_slurm PARTITION JOB_NAME TOOL [arguments]
# The tool then ends where nothing is lost, with exit code 138. Where AGAIN is set, it goes on: a batch job is put back
# into the queue; outside of a batch job another allocation is asked for. AGAIN is the option to go on with.
run_on_slurm() {
    local partition=$1 job_name=$2 code
    shift 2
    export GPUS_PER_NODE=${GPUS_PER_NODE:-8}
    ((${SLURM_RESTART_COUNT:-0} == 0)) || set -- "$@" ${AGAIN:-}
    while :; do
        code=0
        # No two jobs meet at one port. Slurm signals the task: it must be Python itself.
        # shellcheck disable=SC2016,SC2086
        srun --partition "$partition" --job-name "$job_name" --nodes "${NNODES:-1}" \
            --ntasks-per-node "$GPUS_PER_NODE" --gres "gpu:$GPUS_PER_NODE" --cpus-per-task "${CPUS_PER_TASK:-5}" \
            --signal "USR1@${NOTICE:-120}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
            bash -c 'export MASTER_PORT=${PORT:-$((20000 + ${SLURM_JOB_ID:-9500} % 20000))} LOCAL_WORLD_SIZE=$GPUS_PER_NODE
                exec python -u "$@" --launcher slurm' "$job_name" "$@" || code=$?
        ((code == 138)) && [[ -v AGAIN ]] || return "$code"
        if [[ -n ${SLURM_JOB_ID:-} ]]; then
            scontrol requeue "$SLURM_JOB_ID" || echo "job $SLURM_JOB_ID cannot be requeued: start it again" >&2
            return "$code"
        fi
        set -- "$@" ${AGAIN:-}
    done
}

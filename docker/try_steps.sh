#!/usr/bin/env bash
# Runs the RUN steps of docker/Dockerfile without Docker, in a folder in place of the image, and what they made.
#   bash docker/try_steps.sh FOLDER [PYTHON]
# TORCH is that of the Dockerfile. Of the image itself (base, user, layers) this tells nothing.
set -euo pipefail
folder=$(realpath -m "${1:?give a folder}") python=${2:-python3}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rm -rf "$folder" && mkdir -p "$folder/src" "$folder/work"
# What the file of exceptions lets through.
sed -n 's/^!//p' "$root/docker/Dockerfile.dockerignore" | while read -r name; do cp -r "$root/$name" "$folder/src/"; done
rm -rf "$folder/src/mmssl_robust/.mim"
# RUN steps of the first stage, each on a line, with folders of this one.
sed -n '/AS libraries/,/COPY --from/p' "$root/docker/Dockerfile" | sed -e ':a' -e '/\\$/{N;s/\\\n//;ta' -e '}' |
    sed -n 's/^RUN //p' | grep -v useradd | sed "s|/opt/venv|$folder/venv|g; s|^python -m venv|$python -m venv|" \
    > "$folder/steps.sh"
cd "$folder/src"
export TORCH=${TORCH:-cpu} PIP_NO_CACHE_DIR=1 PATH="$folder/venv/bin:$PATH"
bash -eux "$folder/steps.sh"
du -sh "$folder/venv"
cd "$folder/work"
photographs="$folder/src/mmssl_robust/assets/samples/cifar10/test"
"$folder/venv/bin/mmssl-robust" evaluate mini "$photographs" --max-images 2 --steps 2

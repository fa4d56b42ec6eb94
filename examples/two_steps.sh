#!/bin/sh
# Two steps of the paper's expansion, judged by accuracy that is really trained, on two cores in minutes.
#
#     sh examples/two_steps.sh [FOLDER]             every candidate from nothing
#     sh examples/two_steps.sh FOLDER inherit       the second step's from their parent's weights, grown
#
# Made clips, an X2D at 64 pixels with four classes, six candidates a step. Interrupted at any moment and
# started again, it continues.
set -eu
examples=$(cd "$(dirname "$0")" && pwd)
train="python $examples/train.py {module} {spec} {out} --data clips --short --threads 1"
case "${2-}" in
  inherit) train="$train --weights {weights} --weights-out {weights_out} --epochs-grown 3" ;;
  ?*) echo "two_steps.sh: unknown word '$2'; it is: inherit" >&2; exit 2 ;;
esac
mkdir -p "${1:-two_steps}" && cd "${1:-two_steps}"
[ -d clips ] || python "$examples/make_clips.py" clips  # whole, or not there
x3dspec resolve x2d --gamma-s 4/7 --set classes=4 -o tiny.yaml >/dev/null
exec x3dspec expand tiny.yaml --steps 2 --judge command --jobs 2 --journal "journal${2+-$2}.jsonl" \
  --judge-command "$train" -o "expanded${2+-$2}.yaml"

#!/usr/bin/env bash
# Runs the examples as their comments say, on tiny models and, for what is found, on MiniLM where the store has it.
# usage: tests/examples/test.sh BUILD
set -euo pipefail
build=$(realpath "$1")
goldens=$(realpath "$(dirname "$0")/../convert/goldens")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
heed=$build/heed
examples=$build/tests

fail() { echo "FAILED $1: $2"; exit 1; }
"$heed" convert "$goldens/tiny-llama" -o "$root/llama.gguf" --no-record \
  --set 'tokenizer.chat_template={% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}' 2> /dev/null
said=$(printf 'a b\nthe\n' | "$examples/example-chat" "$root/llama.gguf")
[[ $(wc -l <<<"$said") -ge 2 ]] || fail chat "$said"
if "$examples/example-chat" "$root/nothing.gguf" 2> "$root/error" < /dev/null; then fail chat "no error"; fi
grep -q "nothing.gguf" "$root/error" || fail chat "$(cat "$root/error")"

"$heed" convert "$goldens/tiny-marian" -o "$root/marian.gguf" --no-record --type f32 2> /dev/null
printf 'a b c\n\nb\n' > "$root/in.txt"
"$examples/example-translate" "$root/marian.gguf" < "$root/in.txt" > "$root/out.txt"
"$heed" translate "$root/marian.gguf" -f "$root/in.txt" > "$root/expected.txt" 2> /dev/null
cmp "$root/out.txt" "$root/expected.txt" || fail translate "$(cat "$root/out.txt")"

mkdir "$root/texts"
printf 'The dog sleeps on the sofa.\n\nInterest rates rose again.\n' > "$root/texts/a.txt"
printf 'A recipe for bread with rye flour.\n' > "$root/texts/b.txt"
store=${HEED_HOME:-$HOME/.cache/heed}/models
model=$(ls "$store"/minilm.gguf 2> /dev/null || true)
if [[ -n $model ]]; then
  query="How do I bake a loaf?" expected="b.txt: A recipe"
else
  echo "skipped: what search finds (no minilm in the model store)"
  "$heed" convert "$goldens/tiny-bert" -o "$root/bert.gguf" --no-record 2> /dev/null
  model=$root/bert.gguf query="b" expected=".txt: "
fi
first=$("$examples/example-search" "$model" "$root/texts" "$query" 2> "$root/progress")
grep -q "3 of 3" "$root/progress" || fail search "$(cat "$root/progress")"
[[ $(head -n 1 <<<"$first") == *"$expected"* ]] || fail search "$first"
again=$("$examples/example-search" "$model" "$root/texts" "$query" 2> "$root/progress")
[[ $again == "$first" && ! -s $root/progress ]] || fail "search with its index" "$again"
echo "ok chat, translate, search"

#!/usr/bin/env bash
# Installs a build to a place of its own and builds programs against it, by CMake and by pkg-config, in C and in C++.
# usage: tests/package/test.sh BUILD
set -euo pipefail
build=$(realpath "$1")
here=$(realpath "$(dirname "$0")")
model=$here/../models/goldens/tiny-llama.gguf
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

expect() {  # expect NAME COMMAND...: that it makes tokens
  local name=$1
  shift
  local said
  said=$("$@" "$model" 2>&1) || { echo "$name failed: $said"; exit 1; }
  [[ $said == *" tokens" ]] || { echo "$name said: $said"; exit 1; }
  echo "ok $name"
}

cmake --install "$build" --prefix "$root/usr" > "$root/install.log"
expect "the installed command" bash -c '[[ $("$0" tokenize "$1" "a b") ]] && echo "some tokens"' "$root/usr/bin/heed"

compilers=$(sed -nE 's/^CMAKE_CXX_COMPILER:[A-Z]+=//p' "$build/CMakeCache.txt")
cmake -S "$here" -B "$root/consumer" -DCMAKE_PREFIX_PATH="$root/usr" -DCMAKE_CXX_COMPILER="$compilers" \
  > "$root/configure.log" || { cat "$root/configure.log"; exit 1; }
cmake --build "$root/consumer" > "$root/build.log" 2>&1 || { cat "$root/build.log"; exit 1; }
for program in c-heed cpp-heed c-static cpp-static; do expect "CMake, $program" "$root/consumer/$program"; done

export PKG_CONFIG_PATH=$(dirname "$(find "$root/usr" -name heed.pc)")
libraries=$(dirname "$PKG_CONFIG_PATH")
read -ra use <<<"$(pkg-config --cflags --libs heed)"
cc -std=c99 -Wall -Wextra -Wpedantic -Werror "$here/main.c" -o "$root/c" "${use[@]}"
"$compilers" -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror "$here/main.cpp" -o "$root/cpp" "${use[@]}"
for program in c cpp; do expect "pkg-config, $program" env LD_LIBRARY_PATH="$libraries" "$root/$program"; done

# As a part of another project: the libraries, and neither tools nor tests.
mkdir "$root/parent"
cat > "$root/parent/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.22)
project(parent LANGUAGES CXX)
add_subdirectory($here/../.. heed)
foreach(target heed heed-tests)
  if(TARGET \${target})
    message(FATAL_ERROR "\${target} is built")
  endif()
endforeach()
add_executable(main $here/main.cpp)
target_link_libraries(main heed::heed)
END
cmake -S "$root/parent" -B "$root/parent/build" > "$root/parent.log" 2>&1 || { cat "$root/parent.log"; exit 1; }
echo "ok add_subdirectory"

# The first programs of docs/, pasted as they are.
block() { awk -v fence="\`\`\`$2" '$0 == fence { on = 1; next } /^```$/ { on = 0 } on' "$here/../../docs/$1"; }
block c.md c > "$root/first.c"
block cpp.md cpp > "$root/first.cpp"
cc "$root/first.c" -o "$root/first-c" "${use[@]}"
"$compilers" -std=c++20 "$root/first.cpp" -o "$root/first-cpp" "${use[@]}"
for program in first-c first-cpp; do
  said=$(LD_LIBRARY_PATH=$libraries "$root/$program" "$model") || { echo "$program failed: $said"; exit 1; }
  [[ -n $said ]] || { echo "$program said nothing"; exit 1; }
  echo "ok docs, $program"
done

extra=$(nm -D --defined-only "$libraries/libheed.so" | awk '$2 != "A" { print $3 }' | grep -v '^heed_' || true)
[[ -z $extra ]] || { echo "libheed.so exports more than heed_*:"; echo "$extra"; exit 1; }
declared=$(grep -oE '\bheed_[a-z_0-9]+\(' "$here/../../engine/include/heed.h" | tr -d '(' | sort -u)
exported=$(nm -D --defined-only "$libraries/libheed.so" | sed -nE 's/.* (heed_[a-z_0-9]+)@.*/\1/p' | sort -u)
missing=$(comm -23 <(grep -Fxf <(grep -oE '^(HEED_API )?.*\bheed_[a-z_0-9]+\(' "$here/../../engine/include/heed.h" |
  grep HEED_API | grep -oE 'heed_[a-z_0-9]+\(' | tr -d '(') <<<"$declared") <(echo "$exported"))
[[ -z $missing ]] || { echo "declared, but not exported: $missing"; exit 1; }
echo "ok exported symbols: $(wc -l <<<"$exported")"

#!/bin/bash
# Builds the fuzzer of Tests/FuzzTests with libFuzzer and AddressSanitizer, beside the package: the parsers' modules alone, each compiled
# with coverage. usage: build.sh DIRECTORY   (the program is DIRECTORY/fuzz)
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
out=$(cd "$1" && pwd)
SWIFT=${SWIFT:-swift}
swiftc=$(command -v "${SWIFT}c")
clang=$(dirname "$(readlink -f "$swiftc")")/clang
sanitize=fuzzer,address
flags=(-O -enable-testing -sanitize="$sanitize" -swift-version 6 -package-name swiftlet -parse-as-library -suppress-warnings
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature ExistentialAny
    -enable-upcoming-feature MemberImportVisibility -enable-experimental-feature Lifetimes -strict-memory-safety
    -I "$out" -I Sources/CSeccomp -I Sources/CProtobufC -I Sources/CZstd -I Sources/CISAL -I Sources/CTaskProto/include -Xcc -ISources/CTaskProto/include -I "$out/CLinux")

mkdir -p "$out/CLinux"
echo "module CLinux { umbrella \"$PWD/Sources/CLinux/include\" export * }" > "$out/CLinux/module.modulemap"
objects=()
newer() { [ ! -e "$1" ] || [ -n "$(find "${@:2}" -newer "$1" -print -quit)" ]; }
c_module() { # directory, module
    local file object
    while IFS= read -r file; do
        object=$out/$2-$(tr / - <<< "${file#"$1"/}").o
        if newer "$object" "$1"; then
            "$clang" -O1 -g -fsanitize=fuzzer-no-link,address -I"$1/include" -ISources/CProtobufC -c "$file" -o "$object"
        fi
        objects+=("$object")
    done < <(find "$1" -name '*.c' | sort)
}
stale=0 # once one module is compiled, so are those that may import it
swift_module() { # name files…
    local name=$1
    shift
    if [ $stale = 1 ] || newer "$out/$name.o" "$@"; then
        stale=1
        echo "compiling $name"
        "$swiftc" "${flags[@]}" -wmo -module-name "$name" -emit-module -emit-module-path "$out/$name.swiftmodule" -c "$@" -o "$out/$name.o"
    fi
    objects+=("$out/$name.o")
}

c_module Sources/CLinux CLinux
c_module Sources/CTaskProto CTaskProto
for name in LinuxSys EventLoop OCI CRILog Cgroups Executor TTRPC TTRPCLoop TaskAPI Shim; do
    mapfile -t files < <(find "Sources/$name" -name '*.swift' | sort)
    swift_module "$name" "${files[@]}"
done
# Of the images, what reads archives: the rest needs a database.
images=()
for file in ByteSource GzipSource ZstdSource ImageError PaxRecords TarEntry TarHeader TarReader TarReader+Entry TarReader+Sparse; do images+=("Sources/Images/$file.swift"); done
swift_module Images "${images[@]}"
mapfile -t files < <(find Tests/FuzzTests -name '*.swift' ! -name MutationTests.swift | sort)
"$swiftc" "${flags[@]}" -module-name Fuzz -use-ld=lld -o "$out/fuzz" "${files[@]}" Integration/fuzz/Entry.swift "${objects[@]}" -lseccomp -lprotobuf-c -lzstd -lisal

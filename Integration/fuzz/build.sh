#!/bin/bash
# Builds with a sanitizer, beside the package: what the shim is made of, what reads archives, and either the fuzzer of Tests/FuzzTests or the
# unit tests of these modules. Those that need SwiftNIO, swift-protobuf or GRDB are left out: what they test is not the shim.
# usage: build.sh DIRECTORY fuzz|tests   (the program is DIRECTORY/fuzz or DIRECTORY/tests)
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
out=$(cd "$1" && pwd)
SWIFT=${SWIFT:-swift}
swiftc=$(command -v "${SWIFT}c")
toolchain=$(dirname "$(dirname "$(readlink -f "$swiftc")")")
case $2 in
    fuzz) swift_flags=(-O -sanitize=fuzzer,address) c_flags=(-O1 -fsanitize=fuzzer-no-link,address) ;;
    tests) swift_flags=(-Onone -sanitize=address) c_flags=(-O1 -g -fsanitize=address) ;;
    *) echo "build.sh: fuzz or tests" >&2; exit 1 ;;
esac
flags=("${swift_flags[@]}" -enable-testing -swift-version 6 -package-name swiftlet -parse-as-library -suppress-warnings
    -enable-upcoming-feature InternalImportsByDefault -enable-upcoming-feature ExistentialAny
    -enable-upcoming-feature MemberImportVisibility -enable-experimental-feature Lifetimes -strict-memory-safety
    -I "$out" -I Sources/CSeccomp -I Sources/CProtobufC -I Sources/CZstd -I Sources/CISAL -I Sources/CZlib -I Sources/CTaskProto/include
    -Xcc -ISources/CTaskProto/include -I "$out/CLinux")

mkdir -p "$out/CLinux"
echo "module CLinux { umbrella \"$PWD/Sources/CLinux/include\" export * }" > "$out/CLinux/module.modulemap"
objects=()
built=()
newer() { [ ! -e "$1" ] || [ -n "$(find "${@:2}" -newer "$1" -print -quit)" ]; }
c_module() { # directory, module
    local file object
    while IFS= read -r file; do
        object=$out/$2-$(tr / - <<< "${file#"$1"/}").o
        if newer "$object" "$1"; then
            "$toolchain/bin/clang" "${c_flags[@]}" -I"$1/include" -ISources/CProtobufC -c "$file" -o "$object"
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
    built+=("$name")
}
# The test files of a directory that import nothing but what is built here.
tests_of() { # directory
    local file module
    for file in "$1"/*.swift; do
        for module in $(sed -nE 's/^(@testable )?import ([A-Za-z0-9_]+)$/\2/p' "$file"); do
            case " ${built[*]} Glibc Testing Foundation Synchronization " in
                *" $module "*) ;;
                *) continue 2 ;;
            esac
        done
        echo "$file"
    done
}

c_module Sources/CLinux CLinux
c_module Sources/CTaskProto CTaskProto
for name in LinuxSys EventLoop OCI CRILog Cgroups Executor TTRPC SPDY TTRPCLoop TaskAPI Shim; do
    mapfile -t files < <(find "Sources/$name" -name '*.swift' | sort)
    swift_module "$name" "${files[@]}"
done
# Of the images, what reads archives: the rest needs a database.
images=()
for file in ByteSource GzipSource ZstdSource Arrival AccessList ImageError PaxRecords TarEntry TarHeader TarReader TarReader+Entry TarReader+Sparse; do
    images+=("Sources/Images/$file.swift")
done
swift_module Images "${images[@]}"
libraries=(-lseccomp -lprotobuf-c -lzstd -lisal -lz)
if [ "$2" = fuzz ]; then
    mapfile -t files < <(find Tests/FuzzTests -name '*.swift' ! -name MutationTests.swift | sort)
    "$swiftc" "${flags[@]}" -module-name Fuzz -use-ld=lld -o "$out/fuzz" "${files[@]}" Integration/fuzz/Entry.swift "${objects[@]}" "${libraries[@]}"
else
    # Where swift-testing's macros are differs between toolchains' layouts.
    macros=$(dirname "$(find "$toolchain/lib/swift/host" -name 'libTestingMacros.*' | head -n 1)")
    flags+=(-plugin-path "$macros")
    for name in LinuxSysTests OCITests TTRPCTests SPDYTests ShimTests ExecutorTests FuzzTests; do
        mapfile -t files < <(tests_of "Tests/$name")
        swift_module "$name" "${files[@]}"
    done
    "$swiftc" "${flags[@]}" -module-name SanitizedTests -use-ld=lld -o "$out/tests" Integration/fuzz/SanitizedTests.swift "${objects[@]}" "${libraries[@]}"
fi

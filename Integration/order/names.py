"""Turns addresses (stdin, hexadecimal, one in a line) into the names of the functions and variables that hold them, each once, in order.

usage: names.py MAP   (the map file of lld, names not demangled: VMA LMA Size Align Out/In/Symbol)
"""
import bisect
import re
import sys

LINE = re.compile(r"^ *([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) +\d+ {17}(\S+)$")


def functions(path):
    """(start, end, name) of each symbol that has a size, sorted."""
    with open(path, encoding="utf-8", errors="replace") as lines:
        found = (LINE.match(line) for line in lines)
        places = ((int(m[1], 16), int(m[2], 16), m[3]) for m in found if m)
        return sorted((start, start + size, name) for start, size, name in places if size)


def main():
    known = functions(sys.argv[1])
    starts = [start for start, _, _ in known]
    told = set()
    for line in sys.stdin:
        address = int(line, 16)
        at = bisect.bisect_right(starts, address) - 1
        if at < 0 or address >= known[at][1] or known[at][2] in told:
            continue
        told.add(known[at][2])
        print(known[at][2])


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Check lines of GPRINT that number packets of one kind (seq_local=1): sequence.py FILE...

The files, compressed ones too, follow one another.  Each line must be whole, and like the first but for its numbers;
oob.seq.local must grow, else this fails and says where.  Prints how many lines there are, and how many numbers
are missing between the first, which is 0, and the last.
"""
import gzip
import re
import sys

KEY = b"oob.seq.local="


def pattern(line):
    """The form of a line, with its number as the only group."""
    form = re.sub(rb"[0-9]+", rb"[0-9]+", re.escape(line))
    key = re.escape(KEY)
    assert form.count(key) == 1, line
    return re.compile(form.replace(key + b"[0-9]+", key + b"([0-9]+)")).fullmatch


def main():
    matches, lines, last = None, 0, -1
    for path in sys.argv[1:]:
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            for number, line in enumerate(file, 1):
                matches = matches or pattern(line)
                found = matches(line)
                if not found:
                    sys.exit(f"{path}:{number}: not a whole line: {line!r}")
                if int(found[1]) <= last:
                    sys.exit(f"{path}:{number}: number {int(found[1])} behind {last}")
                last = int(found[1])
                lines += 1
    print(lines, last + 1 - lines)


main()

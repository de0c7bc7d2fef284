"""junit.py REPORT LOGS: prints "passed failed skipped" of a JUnit report; into LOGS goes what failed, with its own log, and
why something was skipped.

A ctest report has one case a program; a cmocka program names its tests itself, and those are what is counted.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

OK = re.compile(r"^\[\s+OK \]", re.MULTILINE)
BAD = re.compile(r"^\[  FAILED  \] \w+$", re.MULTILINE)
SKIPPED = re.compile(r"^\[  SKIPPED \] \w+$", re.MULTILINE)


def count(case):
    """(passed, failed, skipped) of one case."""
    output = case.findtext("system-out") or ""
    inner = [len(set(pattern.findall(output))) if pattern is not OK else len(pattern.findall(output))
             for pattern in (OK, BAD, SKIPPED)]
    if is_failed(case):
        return inner[0], max(inner[1], 1), inner[2]
    if case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
        return 0, 0, 1
    return (inner[0] or 1), 0, inner[2]


def is_failed(case):
    return case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"


def log_of(case):
    texts = [f"{part.get('message') or ''}\n{part.text or ''}" for part in case if part.tag in ("failure", "error")]
    output = (case.findtext("system-out") or "").strip()
    return f"--- {case.get('classname') or ''} {case.get('name')}\n" + "\n".join([*texts, output]).strip() + "\n"


def main(report, logs):
    cases = list(ElementTree.parse(report).iter("testcase"))
    print(*(sum(column) for column in zip((0, 0, 0), *map(count, cases))))
    with open(logs, "w") as file:
        file.writelines(log_of(case) for case in cases if is_failed(case))
        file.writelines(f"             skipped: {case.get('name')}: {case.find('skipped').get('message')}\n"
                        for case in cases if case.find("skipped") is not None)


if __name__ == "__main__":
    main(*sys.argv[1:])

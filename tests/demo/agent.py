# SPDX-License-Identifier: MIT
"""An agent without a model: it reads the issue, finds the wrong number in the sources,
repairs it, adds a test, runs the tests and tells what it did.

Started as an agent of the custom harness: agent.py -p PROMPT --model M --stream
[--session ID].  It speaks box-sse-v1 on its standard output.
"""

import argparse
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys

# Python takes a compiled file for the source's when second and size agree, and a repair right
# after a checkout may leave both as they were: keep away from __pycache__.
os.environ.update(PYTHONDONTWRITEBYTECODE="1", PYTHONPYCACHEPREFIX="/nonexistent")

SKIP = {".git", ".github", "__pycache__", "node_modules"}


def say(event, **data):
    print(f"event: {event}\ndata: {json.dumps(data)}\n", flush=True)


def end(answer):
    say("done", output=answer, input_tokens=0, output_tokens=0, session_id="demo")
    sys.exit(0)


CALLS = itertools.count(1)


def run(*argv):
    call = f"call-{next(CALLS)}"
    say("tool", name="Bash", toolCallId=call, input={"command": " ".join(argv)})
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    output = (done.stdout + done.stderr)[-2000:]
    say("tool_result", toolCallId=call, output=output, is_error=done.returncode != 0)
    return done.returncode, output


def facts(prompt):
    """What the issue tells: the command, what it says and what it should say."""
    command = re.search(r"\$ python3 -m (\w+) (\S+) (\w) (\w)\n(\S+)", prompt)
    if not command:
        return None
    module, value, source, target, wrong = command.groups()
    expected = re.findall(r"`([-\d.]+) (\w)` is `([-\d.]+) (\w)`", prompt)
    cases = [e for e in expected if e[1] == source and e[3] == target]
    right = next((e[2] for e in cases if float(e[0]) == float(value)), None)
    return None if right is None else (module, value, source, target, wrong, right, cases)


def sources():
    for path in sorted(pathlib.Path(".").rglob("*.py")):
        if not SKIP & set(path.parts) and "tests" not in path.parts:
            yield path


def repair(module, value, source, target, wrong, right):
    """Tries each place where the wrong number stands until the program is right."""
    command = [sys.executable, "-m", module, value, source, target]
    for path in sources():
        before = path.read_text()
        for found in re.finditer(rf"(?<![\w.]){re.escape(wrong)}(?![\w.])", before):
            path.write_text(before[: found.start()] + right + before[found.end() :])
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            if done.returncode == 0 and float(done.stdout) == float(right):
                return path
            path.write_text(before)
    return None


def add_test(cases, source, target):
    for path in sorted(pathlib.Path("tests").glob("test_*.py")):
        text = path.read_text()
        at = text.find("\n\nif __name__")
        if at < 0:
            continue
        lines = "".join(
            f'        self.assertAlmostEqual(convert({a}, "{source}", "{target}"), {b})\n'
            for a, _, b, _ in cases
        )
        name = f"test_{source.lower()}_to_{target.lower()}"
        path.write_text(
            text[:at].rstrip("\n") + f"\n\n    def {name}(self):\n{lines}" + text[at:]
        )
        return path
    return None


def further(prompt):
    """A later comment that asks for one more test, in the same box."""
    wish = re.search(r"also test that `([-\d.]+) (\w)` is `([-\d.]+) (\w)`", prompt)
    if not wish:
        return
    case = wish.groups()
    path = add_test([case], case[1], case[3])
    if not path:
        end("There is no file of tests that one more could stand in.")
    code, _ = run(sys.executable, "-m", "unittest")
    end(f"`{path}` covers {case[1]} to {case[3]} too. `python3 -m unittest`: exit code {code}.")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", dest="prompt", required=True)
    parser.add_argument("--model")
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--session")
    known, _ = parser.parse_known_args()
    further(known.prompt)
    say("text", text="I read the issue and look for the number that is wrong.\n")
    found = facts(known.prompt)
    if not found:
        end("The issue shows no command with a wrong answer, so nothing was changed.")
    module, value, source, target, wrong, right, cases = found
    run(sys.executable, "-m", module, value, source, target)
    path = repair(module, value, source, target, wrong, right)
    if not path:
        end(f"No {wrong} in the sources explains the answer; nothing was changed.")
    say("tool", name="Edit", toolCallId="edit-1",
        input={"file_path": str(path), "old_string": wrong, "new_string": right})
    say("tool_result", toolCallId="edit-1", output="done")
    test = add_test(cases, source, target)
    code, output = run(sys.executable, "-m", "unittest")
    tests = re.search(r"Ran (\d+) tests?", output)
    end(
        f"`{path}` added {wrong} where {right} belongs; that is repaired"
        + (f", and `{test}` now covers {source} to {target}" if test else "")
        + f".\n\n`python3 -m unittest`: {tests.group(0) if tests else 'ran'}, exit code {code}."
    )


try:
    main()
except SystemExit:
    raise
except Exception as error:  # told to the service instead of a bare traceback
    say("error", error=f"{type(error).__name__}: {error}")
    sys.exit(1)

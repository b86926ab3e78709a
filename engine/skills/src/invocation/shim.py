# Calls run() or execute() of a skill's script with JSON arguments from stdin, and prints its result as JSON.
# What the script itself prints goes to stderr, also from its child processes. Exit code 1: the call failed; the traceback
# is on stderr and nothing on stdout.
import asyncio
import importlib.util
import inspect
import json
import os
import sys

MOST_BYTES = 8 * 1024 * 1024


def called(function, arguments):
    """The result, with the arguments as the signature wants them."""
    if arguments is None:
        return function()
    if isinstance(arguments, list):
        return function(*arguments)
    if not isinstance(arguments, dict):
        return function(arguments)
    signature = inspect.signature(function)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        positional = [p for p in signature.parameters.values() if p.kind in kinds]
        required = [p for p in positional if p.default is p.empty]
        # One parameter for everything: `def run(args)`.
        if len(required) == 1 and required[0].name not in arguments or len(positional) == 1 and not required:
            return function(arguments)
        names = ", ".join(signature.parameters) or "none"
        sys.exit(f"{function.__name__}(): {error}; its parameters: {names}; given: {', '.join(arguments) or 'none'}")
    return function(**arguments)


def main():
    path = sys.argv[1]
    result_to = os.dup(1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    arguments = json.loads(sys.stdin.buffer.read() or b"null")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    sys.argv = [path]
    sys.path[:0] = [os.path.dirname(path), os.path.dirname(os.path.dirname(path))]
    spec = importlib.util.spec_from_file_location("skill_script", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["skill_script"] = module
    spec.loader.exec_module(module)
    function = getattr(module, "run", None) or getattr(module, "execute", None)
    if not callable(function):
        sys.exit(f"{path}: no function run() or execute()")
    result = called(function, arguments)
    if inspect.isawaitable(result):
        async def awaited():
            return await result
        result = asyncio.run(awaited())
    try:
        printed = json.dumps(result, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        print(f"the result of {function.__name__}() is not JSON ({error}): it is given as text", file=sys.stderr)
        printed = str(result)
    content = printed.encode("utf-8", "backslashreplace")
    if len(content) > MOST_BYTES:
        sys.exit(f"the result of {function.__name__}() has {len(content)} bytes, at most {MOST_BYTES} are taken")
    with os.fdopen(result_to, "wb") as out:
        out.write(content + b"\n")


main()

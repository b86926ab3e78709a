"""The official OpenAI client against the workspace: ZO_URL, ZO_TOKEN. Its model says `on QUESTION`, and asks for a tool if it
is offered one; the tool's result it repeats."""

import base64
import os
import struct

import openai

client = openai.OpenAI(base_url=os.environ["ZO_URL"] + "/v1", api_key=os.environ["ZO_TOKEN"], max_retries=0)
MODEL = "near/scripted"


def check(holds, what):
    if not holds:
        raise SystemExit(f"not so: {what}")


def models():
    names = [model.id for model in client.models.list()]
    check("zo" in names and "offline" in names, names)
    check(client.models.retrieve("zo").id == "zo", "a model is shown")


def answers():
    whole = client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "one"}])
    said = whole.choices[0].message
    check(said.content == "on one" and whole.choices[0].finish_reason == "stop", whole)
    check(whole.usage.total_tokens > 0, whole.usage)
    again = [{"role": "user", "content": "one"}, said, {"role": "user", "content": "two"}]
    check(client.chat.completions.create(model=MODEL, messages=again).choices[0].message.content == "on two", "it goes on")


def streams():
    pieces, usage, finish = [], None, None
    messages = [{"role": "user", "content": "a longer question"}]
    options = {"include_usage": True}
    for chunk in client.chat.completions.create(model=MODEL, messages=messages, stream=True, stream_options=options):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            pieces.append(choice.delta.content or "")
            finish = choice.finish_reason or finish
    check("".join(pieces) == "on a longer question" and len(pieces) > 3, pieces)
    check(finish == "stop" and usage.completion_tokens > 0, (finish, usage))


def tools():
    tool = {
        "type": "function",
        "function": {
            "name": "add",
            "description": "adds two numbers",
            "parameters": {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}},
        },
    }
    messages = [{"role": "user", "content": "What is 1 + 2?"}]
    for stream in (False, True):
        if stream:
            with client.chat.completions.stream(model=MODEL, messages=messages, tools=[tool]) as events:
                for _ in events:
                    pass
                choice = events.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.create(model=MODEL, messages=messages, tools=[tool]).choices[0]
        check(choice.finish_reason == "tool_calls", choice)
        call = choice.message.tool_calls[0]
        check((call.function.name, call.function.arguments) == ("add", '{"a": 1, "b": 2}'), call)
    asked = {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function",
             "function": {"name": call.function.name, "arguments": call.function.arguments}}]}
    result = {"role": "tool", "tool_call_id": call.id, "content": "3"}
    last = client.chat.completions.create(model=MODEL, messages=messages + [asked, result], tools=[tool])
    check(last.choices[0].message.content == "It is 3", last)


def embeddings():
    texts = ["a cat", "a kitten", "the stock market"]
    floats = [one.embedding for one in client.embeddings.create(model="any", input=texts, encoding_format="float").data]
    product = lambda a, b: sum(x * y for x, y in zip(a, b))
    check(product(floats[0], floats[1]) > product(floats[0], floats[2]), "what is alike is near")
    # The client asks for base64 by itself, and decodes it.
    usual = client.embeddings.create(model="any", input="a cat").data[0].embedding
    check(len(usual) == len(floats[0]) and abs(usual[0] - floats[0][0]) < 1e-3, "both are the same")
    raw = client.embeddings.with_raw_response.create(model="any", input="a cat", encoding_format="base64")
    first = struct.unpack("<f", base64.b64decode(raw.http_response.json()["data"][0]["embedding"])[:4])[0]
    check(abs(first - floats[0][0]) < 1e-3, first)


def errors():
    stranger = openai.OpenAI(base_url=os.environ["ZO_URL"] + "/v1", api_key="wrong", max_retries=0)
    for error, attempt in [
        (openai.AuthenticationError, lambda: stranger.models.list()),
        (openai.NotFoundError, lambda: client.models.retrieve("none")),
        (openai.UnprocessableEntityError, lambda: client.chat.completions.create(model=MODEL, messages=[])),
    ]:
        try:
            attempt()
        except error as caught:
            check(caught.body["message"], caught)
        else:
            check(False, f"{error.__name__} is raised")


for test in (models, answers, streams, tools, embeddings, errors):
    test()
    print(test.__name__, "ok")

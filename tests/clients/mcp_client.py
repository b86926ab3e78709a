"""The official client of the Model Context Protocol against the workspace: `stdio` starts `zo mcp` itself (ZO_BIN, ZO_HOME); `http`,
`read` and `refused` use ZO_URL and ZO_TOKEN."""

import asyncio
import os
import sys
import urllib.error
import urllib.request

import mcp
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


def check(holds, what):
    if not holds:
        raise SystemExit(f"not so: {what}")
    print(f"ok {str(what)[:80]!r}")


def text(result):
    return "".join(block.text for block in result.content if block.type == "text")


async def everything(client):
    """Tools, resources, prompts, progress and errors, with a token that may do all of it."""
    names = [tool.name for tool in (await client.list_tools()).tools]
    check("memorize" in names and "ask" in names and "job_submit" in names, names)
    kept = await client.call_tool("memorize", {"content": "Staging listens on port 5433.", "id": "port"})
    check(not kept.is_error, kept)
    found = await client.call_tool("recall", {"query": "which port does staging use?"})
    check("5433" in text(found) and found.structured_content, found)
    wrong = await client.call_tool("recall", {"nonsense": 1})
    check(wrong.is_error and "cannot be taken" in text(wrong), wrong)
    told = []

    async def progress(done, total, message):
        told.append((done, message))

    question = {"question": "Which port?", "conversation": "work", "model": "offline"}
    answer = await client.call_tool("ask", question, progress_callback=progress)
    check(not answer.is_error and text(answer), answer)
    check(told and told == sorted(told, key=lambda one: one[0]), told)
    resources = (await client.list_resources()).resources
    work = [resource for resource in resources if resource.title == "work"]
    check(work, [str(resource.uri) for resource in resources])
    read = await client.read_resource(str(work[0].uri))
    check("Which port?" in read.contents[0].text, "a conversation is read")
    memory = await client.read_resource("zo://memory/port")
    check("5433" in memory.contents[0].text, "a memory is read by its template")
    prompts = (await client.list_prompts()).prompts
    check(prompts, "skills ship")
    filled = await client.get_prompt(prompts[0].name, {"task": "Do it."})
    check("Do it." in filled.messages[0].content.text, "a prompt is filled in")
    try:
        await client.call_tool("no_such_tool", {})
        check(False, "there is no such tool")
    except mcp.MCPError as error:
        check("there is no tool" in str(error), error)


async def reading(client):
    """A token that reads is offered what reads, and nothing else is done for it."""
    names = [tool.name for tool in (await client.list_tools()).tools]
    check("recall" in names and "memorize" not in names and "ask" not in names, names)
    refused = await client.call_tool("memorize", {"content": "a"})
    check(refused.is_error and "scope admin" in text(refused), refused)


def refused():
    """Whoever has no token that is good gets no further than the door."""
    headers = {"Authorization": f"Bearer {os.environ['ZO_TOKEN']}", "Content-Type": "application/json"}
    request = urllib.request.Request(os.environ["ZO_URL"], data=b"{}", headers=headers)
    try:
        urllib.request.urlopen(request)
        raise SystemExit("somebody got in without a token")
    except urllib.error.HTTPError as error:
        check(error.code == 401, error.code)


def over_http():
    headers = {"Authorization": f"Bearer {os.environ['ZO_TOKEN']}"}
    return streamable_http_client(os.environ["ZO_URL"], http_client=create_mcp_http_client(headers=headers))


def over_stdio():
    environment = {"ZO_HOME": os.environ["ZO_HOME"], "PATH": "/usr/bin:/bin", "HOME": os.path.dirname(os.environ["ZO_HOME"])}
    return stdio_client(StdioServerParameters(command=os.environ["ZO_BIN"], args=["mcp"], env=environment))


async def main(kind):
    if kind == "refused":
        return refused()
    async with mcp.Client(over_stdio() if kind == "stdio" else over_http()) as client:
        await (reading(client) if kind == "read" else everything(client))


asyncio.run(main(sys.argv[1]))

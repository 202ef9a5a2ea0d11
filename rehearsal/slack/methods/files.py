"""files.*: the three steps of an upload."""

from __future__ import annotations

import secrets

from rehearsal.slack.methods.asked import Asked, Method
from rehearsal.slack.methods.chat import refuse_bad_blocks
from rehearsal.slack.methods.conversations import file_payload
from rehearsal.slack.people import BOT_USER_ID
from rehearsal.slack.refusals import Refusal, invalid_arguments
from rehearsal.slack.things import File, Json, Message


def get_upload_url(asked: Asked) -> Json:
    length = asked.args.number("length", 0)
    if length <= 0:
        raise invalid_arguments("must be greater than 0 [json-pointer:/length]")
    workspace = asked.workspace
    with workspace.change():
        file = File(
            id=workspace.new_id("F"),
            name=asked.args.text("filename"),
            title=asked.args.text("filename"),
            size=length,
            at=workspace.clock(),
            snippet_type=asked.args.text("snippet_type"),
            alt_txt=asked.args.text("alt_txt"),
        )
        workspace.files[file.id] = file
    return {"upload_url": f"{asked.base}/upload/{file.id}/{secrets.token_hex(8)}", "file_id": file.id}


def complete(asked: Asked) -> Json:
    listed = asked.args.structure("files")
    if not isinstance(listed, list) or not listed or not all(isinstance(one, dict) for one in listed):
        raise invalid_arguments("must be a list of files [json-pointer:/files]")
    workspace = asked.workspace
    with workspace.change():
        files = []
        for one in listed:
            file = workspace.files.get(str(one.get("id")))
            if file is None or file.content is None or file.shared:
                raise Refusal("file_not_found")
            file.title = str(one.get("title") or file.name)
            files.append(file)
        for channel in asked.args.words("channels") or asked.args.words("channel_id"):
            _share(asked, channel, files)
    return {"files": [file_payload(asked, file.id) for file in files]}


def _share(asked: Asked, name: str, files: list[File]) -> None:
    workspace = asked.workspace
    channel = workspace.channels.get(name)
    if channel is None:
        raise Refusal("channel_not_found")
    if BOT_USER_ID not in channel.members:
        raise Refusal("not_in_channel")
    if channel.archived:
        raise Refusal("is_archived")
    thread_ts = asked.args.maybe("thread_ts")
    if thread_ts and workspace.find(channel.id, thread_ts) is None:
        raise Refusal("thread_not_found")
    blocks = asked.args.structure("blocks", "invalid_blocks_format") or []
    refuse_bad_blocks(blocks)
    message = Message(
        channel=channel.id,
        ts=workspace.new_ts(),
        user=BOT_USER_ID,
        at=workspace.clock(),
        text=asked.args.text("initial_comment"),
        blocks=blocks,
        thread_ts=thread_ts,
        subtype="file_share",
        files=[file.id for file in files],
    )
    workspace.post(message)
    for file in files:
        file.channel, file.ts, file.thread_ts = channel.id, message.ts, thread_ts


def info(asked: Asked) -> Json:
    if asked.args.text("file") not in asked.workspace.files:
        raise Refusal("file_not_found")
    return {"file": file_payload(asked, asked.args.text("file"))}


METHODS = {
    "files.getUploadURLExternal": Method(
        run=get_upload_url, needs=("filename", "length"), scopes=("files:write",), tier=4
    ),
    "files.completeUploadExternal": Method(run=complete, needs=("files",), scopes=("files:write",), tier=4),
    "files.info": Method(run=info, needs=("file",), scopes=("files:read",), tier=4),
}

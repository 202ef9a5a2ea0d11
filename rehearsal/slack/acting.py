"""What people do: type commands and messages, press buttons, fill in modals, use shortcuts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from rehearsal.slack import forms, payloads
from rehearsal.slack.acks import after_submission
from rehearsal.slack.delivery import Delivery
from rehearsal.slack.people import BOT_NAME, BOT_USER_ID, Channel, Person
from rehearsal.slack.refusals import NotPossible, Refusal
from rehearsal.slack.responses import reply_in_body
from rehearsal.slack.state import Workspace
from rehearsal.slack.things import Answer, Delivered, File, Json, Message, View
from rehearsal.slack.words import as_sent


class Acting(ABC):
    workspace: Workspace
    delivery: Delivery
    events: frozenset[str]
    commands: dict[str, str]
    shortcuts: dict[str, str]

    @property
    @abstractmethod
    def url(self) -> str:
        """Where the stand-in answers."""

    def command(self, user: str, typed: str, channel: str = "#deploys", copies: int = 1) -> Delivered:
        """Type a slash command; copies are the same request at the same time."""
        person, place = self._who_where(user, channel)
        word = typed.split(maxsplit=1)[0] if typed.strip() else ""
        if word not in self.commands:
            raise NotPossible(f"{word} is not a valid command. This app has {', '.join(self.commands)}.")
        answer = Answer(user=person.id, channel=place.id, at=self.workspace.clock())
        fields = payloads.command(
            person,
            place,
            as_sent(self.workspace, typed),
            self._response_url(answer),
            self.workspace.trigger(person.id),
        )
        delivered = self.delivery.form("command", fields, copies)
        return self._answered(delivered, answer, word)

    def press(
        self,
        user: str,
        seen: Message | View,
        words: str,
        *,
        near: str | None = None,
        copies: int = 1,
        stale: bool = False,
        values: dict[str, Any] | None = None,
    ) -> Delivered:
        """Press the button with these words, or a line of an overflow menu; a confirm dialog is confirmed.

        `near` picks one of several by the text beside it. `stale` presses what stood there when `seen` was read.
        """
        current = seen if stale else self._current(seen)
        control, sent = forms.pressed(current.blocks, words, near)
        return self._act(user, current, control, sent, words, copies, values)

    def operate(
        self, user: str, seen: Message | View, block_id: str, action_id: str, chosen: Any, values: dict[str, Any]
    ) -> Delivered:
        """Use one control, named by its ids; `chosen` is the value of an option, or what was entered."""
        current = self._current(seen)
        for control in forms.controls(current.blocks):
            if (control.block["block_id"], control.element["action_id"]) == (block_id, action_id):
                sent = control.press() if control.kind == "button" else control.value(chosen)
                words = control.label or action_id
                return self._act(user, current, control, sent, words, 1, values)
        raise NotPossible("It is not there any more.")

    def choose(self, user: str, seen: Message | View, control: str, chosen: Any, *, copies: int = 1) -> Delivered:
        """Pick in a menu, tick boxes or enter a date outside of a modal's submission."""
        current = self._current(seen)
        for found in forms.controls(current.blocks):
            if control in found.names:
                return self._act(user, current, found, found.value(chosen), control, copies, {control: chosen})
        raise NotPossible(f"Nothing here is called {control}.")

    def submit(
        self, user: str, view: View | None = None, values: dict[str, Any] | None = None, *, copies: int = 1
    ) -> Delivered:
        """Fill in the top modal, by label, action_id or block_id, and submit it."""
        person = self.workspace.person(user)
        current = self._open_view(person, view)
        if "submit" not in current.content:
            raise NotPossible("This view has nothing to submit.")
        filled = {**current.typed, **(values or {})}
        state = forms.values_of(current.blocks, filled)
        missing = forms.missing(current.blocks, state)
        if missing:
            with self.workspace.change():
                current.errors = missing
            raise NotPossible(f"Slack keeps the modal open: {missing}.")
        trigger_id = self.workspace.trigger(person.id)
        payload = payloads.view_submission(person, current, state, trigger_id=trigger_id)
        with self.workspace.change():
            current.typed, current.values, current.errors = filled, state, {}
        delivered = self.delivery.interaction(payload, copies)
        return after_submission(self.workspace, current, delivered)

    def close(self, user: str, view: View | None = None, *, whole_pile: bool = False) -> Delivered | None:
        """Close the top modal (or all of them); the bot hears of it where it asked to."""
        person = self.workspace.person(user)
        current = self._open_view(person, view)
        cleared = whole_pile or bool(current.content.get("clear_on_close"))
        told = None
        self.workspace.close_view(current, whole_pile=cleared)
        if current.content.get("notify_on_close"):
            told = self.delivery.interaction(payloads.view_closed(person, current, is_cleared=cleared))
        return told

    def shortcut(self, user: str, callback_id: str, message: Message | None = None, *, copies: int = 1) -> Delivered:
        """A shortcut, by callback_id or name: on a message, which works in threads too, or a global one."""
        person = self.workspace.person(user)
        callback_id = self.shortcuts.get(callback_id, callback_id)
        now, trigger_id = self.workspace.clock(), self.workspace.trigger(person.id)
        if message is None:
            payload = payloads.global_shortcut(person, callback_id, trigger_id=trigger_id, at=now)
            return self._shown(self.delivery.interaction(payload, copies), person, None, callback_id)
        current = self._current(message)
        channel = self.workspace.channels[current.channel]
        answer = Answer(user=person.id, channel=channel.id, at=now, thread_ts=_thread_of(current))
        payload = payloads.message_shortcut(
            person,
            channel,
            current,
            callback_id,
            trigger_id=trigger_id,
            response_url=self._response_url(answer),
            at=now,
        )
        return self._shown(self.delivery.interaction(payload, copies), person, current, callback_id)

    def say(
        self,
        user: str,
        channel: str,
        text: str,
        thread_ts: str | None = None,
        *,
        copies: int = 1,
        image: tuple[str, bytes] | None = None,
    ) -> Delivered | None:
        """Type a message. The bot hears of it where it is a member: as a message, and as a mention if it is one.

        `image`: a picture (name and bytes) that comes with it.
        """
        person, place = self._who_where(user, channel)
        message = Message(
            channel=place.id,
            ts=self.workspace.new_ts(),
            user=person.id,
            text=as_sent(self.workspace, text),
            at=self.workspace.clock(),
            thread_ts=thread_ts,
        )
        files = [self._attached(message, *image)] if image else []
        self.workspace.post(message)
        told = None
        if BOT_USER_ID in place.members:
            told = self._event(payloads.message_event(message, place, files=files), copies)
            if payloads.app_mention_in(message.text) and not place.direct:
                told = self._event(payloads.message_event(message, place, "app_mention"), copies) or told
        return told

    def mention(
        self, user: str, channel: str, text: str, thread_ts: str | None = None, *, copies: int = 1
    ) -> Delivered | None:
        """Talk to the bot by its name, in a channel or a thread."""
        called = text if f"@{BOT_NAME}" in text or BOT_USER_ID in text else f"@{BOT_NAME} {text}"
        return self.say(user, channel, called, thread_ts, copies=copies)

    def react(self, user: str, message: Message, name: str, *, copies: int = 1) -> Delivered | None:
        """Put a reaction on a message; the bot hears of it where it is a member."""
        person = self.workspace.person(user)
        current = self._current(message)
        with self.workspace.change():
            users = current.reactions.setdefault(name, [])
            if person.id not in users:
                users.append(person.id)
        if BOT_USER_ID not in self.workspace.channels[current.channel].members:
            return None
        return self._event(payloads.reaction(person, current, name, self.workspace.clock()), copies)

    def open_home(self, user: str, tab: str = "home") -> Delivered | None:
        person = self.workspace.person(user)
        channel = self.workspace.direct(person.id)
        home = self.workspace.homes.get(person.id)
        return self._event(payloads.home_opened(person, channel, home, self.workspace.clock(), tab))

    def unreact(self, user: str, message: Message, name: str, *, copies: int = 1) -> Delivered | None:
        """Take a reaction back."""
        person = self.workspace.person(user)
        current = self._current(message)
        with self.workspace.change():
            users = current.reactions.get(name, [])
            if person.id in users:
                users.remove(person.id)
        if BOT_USER_ID not in self.workspace.channels[current.channel].members:
            return None
        return self._event(payloads.reaction(person, current, name, self.workspace.clock(), removed=True), copies)

    def edit_message(self, message: Message, text: str, *, copies: int = 1) -> Delivered | None:
        """Its author edits a message; the bot hears of it where it is a member."""
        current = self._current(message)
        before = current.payload()
        self.workspace.edit(current, text=as_sent(self.workspace, text))
        place = self.workspace.channels[current.channel]
        if BOT_USER_ID not in place.members:
            return None
        return self._event(payloads.message_changed(current, before, place, self.workspace.clock()), copies)

    def write_canvas(self, user: str, canvas_id: str, old: str, new: str) -> None:
        """Change words in a canvas, as somebody who may; Slack tells the bot nothing of it."""
        person, canvas = self.workspace.person(user), self.workspace.canvases[canvas_id]
        rooms = [c.id for c in self.workspace.channels.values() if person.id in c.members]
        if "write" not in [canvas.access.get(each) for each in (person.id, *rooms)]:
            raise NotPossible(f"{person.name} may not write in this canvas.")
        if old not in canvas.markdown:
            raise NotPossible(f"The canvas does not say “{old}”.")
        with self.workspace.change():
            canvas.markdown = canvas.markdown.replace(old, new, 1)

    def delete_message(self, message: Message, *, copies: int = 1) -> Delivered | None:
        """Somebody with the right to it deletes a message by hand; the bot hears of it where it is a member."""
        current = self._current(message)
        before, place = current.payload(), self.workspace.channels[current.channel]
        self.workspace.remove(current)
        if BOT_USER_ID not in place.members:
            return None
        at = self.workspace.clock()
        if current.subtype == "tombstone":
            return self._event(payloads.message_changed(current, before, place, at), copies)
        return self._event(payloads.message_deleted(before, place, at), copies)

    def _attached(self, message: Message, name: str, content: bytes) -> Json:
        """A picture of a person's, as the event of their message shows it."""
        with self.workspace.change():
            file = File(
                id=self.workspace.new_id("F"),
                name=name,
                title=name,
                size=len(content),
                at=message.at,
                content=content,
                mimetype="image/png",
                user=message.user,
                channel=message.channel,
                ts=message.ts,
                thread_ts=message.thread_ts,
            )
            self.workspace.files[file.id] = file
            message.files.append(file.id)
        address = f"{self.url}/files/{file.id}"
        return {
            "id": file.id,
            "name": name,
            "title": name,
            "mimetype": file.mimetype,
            "filetype": "png",
            "user": file.user,
            "size": file.size,
            "mode": "hosted",
            "url_private": address,
            "url_private_download": address,
        }

    # How it is done

    def _act(
        self,
        user: str,
        current: Message | View,
        control: forms.Control,
        sent: Json,
        words: str,
        copies: int,
        given: dict[str, Any] | None,
    ) -> Delivered:
        person = self.workspace.person(user)
        actions = [forms.action(control, {k: v for k, v in sent.items() if k != "type"}, self.workspace.clock())]
        values = forms.values_of(current.blocks, given)
        trigger_id = self.workspace.trigger(person.id)
        if isinstance(current, View):
            payload = payloads.action_in_view(person, current, actions, values, trigger_id=trigger_id)
            delivered = self.delivery.interaction(payload, copies)
            return self._shown(delivered, person, None, words)
        channel = self.workspace.channels[current.channel]
        answer = Answer(
            user=person.id,
            channel=channel.id,
            at=self.workspace.clock(),
            message=current.key,
            thread_ts=_thread_of(current),
        )
        payload = payloads.action_on_message(
            person,
            channel,
            current,
            actions,
            values,
            trigger_id=trigger_id,
            response_url=self._response_url(answer),
        )
        return self._shown(self.delivery.interaction(payload, copies), person, current, words)

    def _event(self, event: Json, copies: int = 1) -> Delivered | None:
        if event["type"] not in self.events:
            return None
        identity = self.workspace.new_id("Ev")
        return self.delivery.event(payloads.envelope(event, identity, self.workspace.clock()), copies)

    def _answered(self, delivered: Delivered, answer: Answer, word: str) -> Delivered:
        """Show the person what a command was answered, or that it failed."""
        for one in delivered.copies or (delivered,):
            error = one.error
            if error is None:
                try:
                    reply_in_body(self.workspace, answer, one.body, one.content_type)
                except Refusal as refusal:
                    error = refusal.error
            if error is not None:
                self._complain(answer.user, answer.channel, None, f'{word} failed with the error "{error}"')
        return delivered

    def _shown(self, delivered: Delivered, person: Person, about: Message | None, words: str) -> Delivered:
        if delivered.error is not None:
            channel = about.channel if about else self.workspace.direct(person.id).id
            thread_ts = _thread_of(about) if about else None
            self._complain(person.id, channel, thread_ts, f'“{words}” failed with the error "{delivered.error}"')
        return delivered

    def _complain(self, user: str, channel: str, thread_ts: str | None, text: str) -> None:
        message = Message(
            channel=channel,
            ts=self.workspace.new_ts(),
            user=BOT_USER_ID,
            text=text,
            at=self.workspace.clock(),
            thread_ts=thread_ts,
            only_for=user,
            problem=True,
        )
        self.workspace.post(message)

    def _who_where(self, user: str, channel: str) -> tuple[Person, Channel]:
        person = self.workspace.person(user)
        if channel.lstrip("@") == BOT_NAME:
            return person, self.workspace.direct(person.id)
        return person, self.workspace.channel(channel)

    def _current(self, seen: Any) -> Any:
        found: Message | View | None
        if isinstance(seen, View):
            home = self.workspace.homes.get(seen.user)
            found = home if home and home.id == seen.id else self.workspace.views.get(seen.id)
        else:
            found = self.workspace.find(*seen.key)
        if found is None:
            raise NotPossible("It is not there any more.")
        return found

    def _open_view(self, person: Person, view: View | None) -> View:
        top = self.workspace.top_view(person.id)
        if top is None or (view is not None and view.id != top.id):
            raise NotPossible(f"{person.name} does not see that view.")
        return top

    def _response_url(self, answer: Answer) -> str:
        return f"{self.url}/response/{self.workspace.answer_to(answer)}"


def _thread_of(message: Message) -> str | None:
    return message.thread_ts if message.in_thread else None

"""What an administrator changes while it runs: people, groups, channels."""

from __future__ import annotations

from rehearsal.slack.people import BOT_USER_ID, TEAM_ID, Channel, Group, Person
from rehearsal.slack.state import Workspace


class Staff:
    workspace: Workspace

    def person(self, user: str) -> Person:
        return self.workspace.person(user)

    def change_person(
        self,
        user: str,
        *,
        deactivated: bool | None = None,
        restricted: bool | None = None,
        tz: str | None = None,
        team: str | None = None,
    ) -> Person:
        """For example deactivate bo, or make him a guest or somebody from another workspace."""
        with self.workspace.change():
            person = self.workspace.person(user)
            person.deactivated = person.deactivated if deactivated is None else deactivated
            person.restricted = person.restricted if restricted is None else restricted
            person.tz, person.team = tz or person.tz, team or person.team
        return person

    def deactivate(self, user: str) -> None:
        self.change_person(user, deactivated=True)

    def reactivate(self, user: str) -> None:
        self.change_person(user, deactivated=False)

    def add_person(self, name: str, *, id: str = "", real_name: str = "", team: str = TEAM_ID) -> Person:
        with self.workspace.change():
            person = Person(
                id=id or self.workspace.new_id("U"), name=name, real_name=real_name or name.title(), team=team
            )
            self.workspace.people[person.id] = person
            for channel in self.workspace.channels.values():
                if not channel.direct and not channel.private:
                    channel.members.add(person.id)
        return person

    def add_to_group(self, user: str, group: str = "@db-approvers") -> None:
        with self.workspace.change():
            members = self.workspace.group(group).members
            person = self.workspace.person(user).id
            if person not in members:
                members.append(person)

    def remove_from_group(self, user: str, group: str = "@db-approvers") -> None:
        with self.workspace.change():
            self.workspace.group(group).members.remove(self.workspace.person(user).id)

    def add_group(self, handle: str, *members: str, id: str = "") -> Group:
        with self.workspace.change():
            group = Group(
                id=id or self.workspace.new_id("S"),
                handle=handle,
                name=handle,
                members=[self.workspace.person(user).id for user in members],
            )
            self.workspace.groups[group.id] = group
        return group

    def add_channel(self, name: str, *, id: str = "", private: bool = False, with_bot: bool = True) -> Channel:
        with self.workspace.change():
            members = {person.id for person in self.workspace.people.values() if not person.bot}
            channel = Channel(
                id=id or self.workspace.new_id("C"), name=name.lstrip("#"), private=private, members=members
            )
            if with_bot:
                channel.members.add(BOT_USER_ID)
            self.workspace.channels[channel.id] = channel
        return channel

    def archive(self, channel: str, *, archived: bool = True) -> None:
        with self.workspace.change():
            self.workspace.channel(channel).archived = archived

    def remove_bot_from(self, channel: str) -> None:
        with self.workspace.change():
            self.workspace.channel(channel).members.discard(BOT_USER_ID)

"""Staging's pages, looked at once its run is verified: in a browser where there is one, each with its picture."""

from __future__ import annotations

from bot.domain.entry import Json
from bot.domain.promotion import Promotion
from bot.ports import Put
from bot.world import World

SHELF = "pages"
MOST = 20
"""Pages of one run; each may take a minute."""
FUNCTIONS = "/functions/v1/"
"""Addresses of edge functions: they are asked, not looked at."""


def looked_at(promotion: Promotion, world: World) -> Promotion:
    """Visit the pages that were not visited yet; what was seen of each is journalled at once."""
    seen = {visit.url for visit in promotion.pages}
    for url in pages(world):
        if url not in seen and not world.stopping():
            visit = world.ports.pages.visit(url)
            picture = world.ports.shelves.keep(visit.picture) if visit.picture else ""
            promotion = promotion.after(world.note("page.seen", {"visit": visit.to_json(), "picture": picture}))
    return promotion


def pages(world: World) -> list[str]:
    return [url for url in dict.fromkeys(world.policy.frontend.staging) if FUNCTIONS not in url][:MOST]


def functions(world: World) -> str:
    """One line about the policy's edge functions on staging; empty where it names none."""
    addresses = [url for url in dict.fromkeys(world.policy.frontend.staging) if FUNCTIONS in url][:MOST]
    wrong = [f"{url} {trouble}" for url in addresses if (trouble := world.ports.health.check(url))]
    if not addresses:
        return ""
    well = f"Edge functions: {len(addresses)} answered"
    return well if not wrong else f"Edge functions could not all be reached: {'; '.join(wrong)}"


def kept(promotion: Promotion, world: World) -> list[Put]:
    """What was seen, for the promotions of what this run staged."""
    if not promotion.pages:
        return []
    visits: list[Json] = [visit.to_json() for visit in promotion.pages]
    return [Put(shelf=SHELF, key=f"{promotion.plan.project}:{promotion.id}", doc={"visits": visits})]

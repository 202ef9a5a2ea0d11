"""What can be turned outside of the database: flags and code deployments, by webhook, Vercel, Netlify or GitHub."""

from bot.adapters.levers.policy import Api, PolicyLevers

__all__ = ["Api", "PolicyLevers"]

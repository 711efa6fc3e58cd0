"""The company's exports: every program writes in its own way, and not everything it writes is clean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from headwater.demo.desk import Desk, Lost
from headwater.demo.programs.advertising import google_ads, linkedin_ads, meta_ads, microsoft_ads
from headwater.demo.programs.crm import (
    crm_accounts,
    crm_campaigns,
    crm_contact_roles,
    crm_contacts,
    crm_lead_history,
    crm_leads,
    crm_opportunities,
    crm_opportunity_history,
    crm_quotes,
    sales_activities,
)
from headwater.demo.programs.finance import (
    billing,
    cost_sheets,
    exchange_rates,
    general_ledger,
    invoices,
    survey_answers,
)
from headwater.demo.programs.publishing import (
    content_calendar,
    link_index,
    mail_events,
    search_console,
    social_listening,
    social_profiles,
)
from headwater.demo.programs.website import touchpoints, web_actions, web_sessions
from headwater.demo.world import World


def export(world: World, folder: Path, tell: Callable[[str, int, int], None]) -> tuple[Lost, ...]:
    """Writes every export below a folder; what comes back are the rows that were written broken."""
    desk = Desk(folder, world)
    for number, step in enumerate(EXPORTS):
        tell(f"Writing {step.__name__.replace('_', ' ')}", number, len(EXPORTS))
        step(desk)
    return tuple(sorted(desk.lost, key=lambda lost: (lost.table, lost.key)))


EXPORTS: tuple[Callable[[Desk], None], ...] = (
    crm_accounts,
    crm_contacts,
    crm_leads,
    crm_lead_history,
    crm_opportunities,
    crm_opportunity_history,
    crm_contact_roles,
    crm_campaigns,
    crm_quotes,
    sales_activities,
    web_sessions,
    web_actions,
    touchpoints,
    google_ads,
    microsoft_ads,
    linkedin_ads,
    meta_ads,
    mail_events,
    social_profiles,
    social_listening,
    search_console,
    link_index,
    content_calendar,
    invoices,
    billing,
    cost_sheets,
    general_ledger,
    exchange_rates,
    survey_answers,
)

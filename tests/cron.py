"""The tables of pg_cron 1.6 as its scripts make them: all is there but the background worker."""

from __future__ import annotations

TABLES = (
    "create schema cron",
    "create sequence cron.jobid_seq",
    "create table cron.job (jobid bigint primary key default nextval('cron.jobid_seq'), schedule text not null, "
    "command text not null, nodename text not null default 'localhost', nodeport int not null default "
    "inet_server_port(), database text not null default current_database(), username text not null default "
    "current_user, active boolean not null default 'true', jobname text)",
    "grant select on cron.job to public",
    "alter table cron.job enable row level security",
    "create policy cron_job_policy on cron.job using (username = current_user)",
    "create sequence cron.runid_seq",
    "create table cron.job_run_details (jobid bigint, runid bigint primary key default nextval('cron.runid_seq'), "
    "job_pid integer, database text, username text, command text, status text, return_message text, start_time "
    "timestamptz, end_time timestamptz)",
    "grant select on cron.job_run_details to public",
    "alter table cron.job_run_details enable row level security",
    "create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user)",
)
"""To be run as the platform's superuser, as Supabase does it."""

OPEN = "grant usage on schema cron to postgres"

JOB = (
    "insert into cron.job (schedule, command, username, jobname) "
    "values ('0 3 * * *', 'select tidy()', 'postgres', 'tidy')"
)


def run(status: str, message: str, ago: str = "1 minute", *, ended: bool = True, job: int = 1) -> str:
    """A run of a job that began so long ago."""
    end = f"now() - interval '{ago}'" if ended else "null"
    return (
        "insert into cron.job_run_details (jobid, job_pid, database, username, command, status, return_message, "
        f"start_time, end_time) values ({job}, 42, 'postgres', 'postgres', 'select tidy()', '{status}', '{message}', "
        f"now() - interval '{ago}', {end})"
    )

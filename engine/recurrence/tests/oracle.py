"""Occurrences as python-dateutil has them: one case a line in, one answer a line out, both JSON.

A case: {"zone", "start", "rules", "dates", "without", "cursor", "horizon", "most"}; start, dates and without are wall times
(YYYYMMDDTHHMMSS) in the zone, cursor and horizon are seconds since 1970. An answer: {"due": [seconds, ...]}, the first
occurrences later than cursor and not later than horizon, or {"slow": true}.

- DAILY and longer: dateutil on the wall clock of the zone; zoneinfo (PEP 495, fold=0) turns wall times into instants.
- HOURLY and shorter, where the offset stays the same: dateutil as well.
- HOURLY and shorter, where it changes: dateutil's wall clock is not elapsed time (see README.md). Without BY-parts it
  is asked in UTC; with them, `elapsed` below says by itself what is meant, candidate by candidate.
"""

import datetime as datetime_module
import heapq
import json
import signal
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone
from itertools import islice

from dateutil.rrule import rrulestr

zoneinfo.reset_tzpath([])  # the data of the tzdata package, not of the system
UTC = timezone.utc
UNITS = {"HOURLY": 3600, "MINUTELY": 60, "SECONDLY": 1}
WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
SECONDS_FOR_A_CASE = 0.1


class Slow(Exception):
    """dateutil has no bound on what it searches."""


def wall(text):
    return datetime.strptime(text, "%Y%m%dT%H%M%S")


def instant(moment):
    return int(moment.astimezone(UTC).timestamp())


def parts_of(rule):
    return dict(part.split("=") for part in rule.split(";"))


def numbers(parts, name):
    return [int(number) for number in parts[name].split(",")] if name in parts else []


def on_the_wall(rule, start, cursor, horizon):
    """dateutil's occurrences as instants, from some days before the cursor on; not in order around gaps."""
    try:
        rrule = rrulestr(rule, dtstart=start)
    except ValueError as error:
        # dateutil's word for hourly and faster rules whose interval and parts never meet.
        if "empty" not in str(error):
            raise
        return
    room = timedelta(days=3)
    begin = max(datetime.fromtimestamp(cursor, UTC).astimezone(start.tzinfo) - room, start - room)
    end = datetime.fromtimestamp(horizon, UTC).astimezone(start.tzinfo) + room
    for moment in rrule.xafter(begin, inc=True):
        if moment > end:
            return
        yield instant(moment)


def elapsed(rule, start, zone, cursor, horizon):
    """An hourly or faster rule in elapsed time, by asking the clock at every candidate."""
    parts = parts_of(rule)
    unit = UNITS[parts["FREQ"]]
    step = unit * int(parts.get("INTERVAL", 1))
    begin = instant(start)
    local = datetime.fromtimestamp(begin, zone)
    within = (local.minute * 60 + local.second) % unit
    anchor = begin - within
    hours, minutes, seconds = (numbers(parts, name) for name in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    months, month_days, year_days = (numbers(parts, name) for name in ("BYMONTH", "BYMONTHDAY", "BYYEARDAY"))
    weekdays = parts["BYDAY"].split(",") if "BYDAY" in parts else []
    positions = numbers(parts, "BYSETPOS")
    until = instant(datetime.strptime(parts["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)) if "UNTIL" in parts else None
    count = int(parts["COUNT"]) if "COUNT" in parts else None

    def allowed(moment):
        days_in_year = 366 if (moment.year % 4 == 0 and moment.year % 100 != 0) or moment.year % 400 == 0 else 365
        days_in_month = ((moment.replace(day=28, tzinfo=None) + timedelta(days=4)).replace(day=1) - timedelta(days=1)).day
        year_day = moment.timetuple().tm_yday
        return (
            (not months or moment.month in months)
            and (not month_days or moment.day in month_days or moment.day - days_in_month - 1 in month_days)
            and (not year_days or year_day in year_days or year_day - days_in_year - 1 in year_days)
            and (not weekdays or WEEKDAYS[moment.weekday()] in weekdays)
            and (not hours or moment.hour in hours)
            and (not minutes or moment.minute in minutes)
            and (not seconds or moment.second in seconds)
        )

    def candidates(period):
        """What can be meant in a period: what DTSTART says counts in elapsed time, what the rule says on the clock."""
        if unit == 1:
            return [period]
        minute = [period + within // 60 * 60] if unit == 3600 and not minutes else range(period, period + unit, 60)
        offsets = range(60) if seconds else [within % 60]
        return [begin + offset for begin in minute for offset in offsets]

    found = 0
    # Only what is counted or chosen from has to begin at the beginning.
    period = anchor if count else anchor + max(0, (cursor - anchor) // step - 1) * step
    while period <= horizon:
        due = [moment for moment in candidates(period) if allowed(datetime.fromtimestamp(moment, zone))]
        if positions:
            chosen = {due[p - 1] if p > 0 else due[p] for p in positions if abs(p) <= len(due)}
            due = sorted(chosen)
        for moment in due:
            if moment < begin:
                continue
            if until is not None and moment > until:
                return
            found += 1
            if count is not None and found > count:
                return
            yield moment
        period += step


def due(case):
    zone = zoneinfo.ZoneInfo(case["zone"])
    start = wall(case["start"]).replace(tzinfo=zone)
    cursor, horizon = case["cursor"], case["horizon"]
    # dateutil searches up to this year; what lies behind the horizon is not asked.
    datetime_module.MAXYEAR = datetime.fromtimestamp(horizon, UTC).year + 1
    everything = [instant(wall(text).replace(tzinfo=zone)) for text in case["dates"]]
    if not case["rules"]:
        everything.append(instant(start))
    everything.sort()
    streams = [iter(everything)]
    for rule in case["rules"]:
        parts = parts_of(rule)
        if parts["FREQ"] not in UNITS:
            # A gap is at most a day long; instants are put into order within the window.
            streams.append(iter(sorted(set(on_the_wall(rule, start, cursor, horizon)))))
        elif case["fixed"]:
            streams.append(on_the_wall(rule, start, cursor, horizon))
        elif set(parts) <= {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}:
            streams.append(on_the_wall(rule, start.astimezone(UTC), cursor, horizon))
        else:
            streams.append(elapsed(rule, start, zone, cursor, horizon))
    without = {instant(wall(text).replace(tzinfo=zone)) for text in case["without"]}
    last = cursor
    for moment in heapq.merge(*streams):
        if moment > horizon:
            return
        if moment > last and moment not in without:
            last = moment
            yield moment


def out_of_time(_signal, _frame):
    raise Slow


signal.signal(signal.SIGALRM, out_of_time)
for line in sys.stdin:
    case = json.loads(line)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_FOR_A_CASE)
    try:
        answer = {"due": list(islice(due(case), case["most"]))}
    except Slow:
        answer = {"slow": True}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(json.dumps(answer), flush=True)

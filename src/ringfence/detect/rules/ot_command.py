"""A controller was written to, programmed, stopped or restarted. ATT&CK for ICS T0855 and its neighbours.

Rule 1: what a command does is looked up in ``OBJECTS``, then ``COMMANDS``; what stands in neither is no finding.
Rule 2: nothing here says "unusual": one capture has no history. Stops and programs are grave by what they do; plain
writes are everyday work in most plants and are told as such.
Rule 3: in S7 the station asks for a download once, then the controller asks the station for the pieces: those requests
(download_block, download_end) are no commands of the controller.
Rule 4: whether the controller obeyed is said where its answers were seen; a refused command is still a try.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ringfence.detect.rule import Rule, RuleDoc, Sight
from ringfence.model.finding import Finding, Severity
from ringfence.model.observation import Observation, Part

__all__ = ["COMMANDS", "OBJECTS", "OtCommand"]


@dataclass(frozen=True, slots=True)
class _Sort:
    name: str
    title: str
    verb: str
    severity: Severity
    attack: tuple[str, ...]


_STOP = _Sort("stop", "Stop command to a controller", "told to stop", Severity.HIGH, ("T0858", "T0816", "T0855"))
_START = _Sort("start", "Start command to a controller", "told to start", Severity.MEDIUM, ("T0858", "T0855"))
_RESET = _Sort(
    "reset", "Restart or reset command to a controller", "told to restart", Severity.HIGH, ("T0816", "T0855")
)
_MODE = _Sort("mode", "Mode change of a controller", "switched to another mode", Severity.HIGH, ("T0858", "T0855"))
_SILENCE = _Sort(
    "silence", "Communication switched off", "told to stop communicating", Severity.HIGH, ("T0814", "T0855")
)
_PROGRAM = _Sort("program", "Program written to a controller", "programmed", Severity.HIGH, ("T0843", "T0889", "T0855"))
_RESTORE = _Sort(
    "restore", "Restore of a controller begun or ended", "told to begin or end a restore", Severity.HIGH,
    ("T0889", "T0855"),
)  # fmt: skip
_DELETE = _Sort("delete", "Program or object deleted", "told to delete", Severity.HIGH, ("T0809", "T0889", "T0855"))
_READ_OUT = _Sort("read_out", "Program read out of a controller", "read out", Severity.MEDIUM, ("T0845",))
_FORCE = _Sort("force", "Values forced in a controller", "told to force values", Severity.HIGH, ("T0835", "T0855"))
_WRITE = _Sort("write", "Values written to a controller", "written to", Severity.LOW, ("T0836", "T0855"))
_CLOCK = _Sort("clock", "Clock of a controller set", "given another time", Severity.LOW, ("T0836", "T0855"))
_UNLOCK = _Sort("unlock", "Password of a controller used or cleared", "unlocked", Severity.MEDIUM, ("T0859", "T0855"))


def _rows(kind: str, sort: _Sort, operations: str) -> dict[tuple[str, str], _Sort]:
    return {(kind, operation): sort for operation in operations.split()}


COMMANDS: dict[tuple[str, str], _Sort] = {
    **_rows(
        "modbus.request",
        _WRITE,
        "write_single_coil write_single_register write_multiple_coils write_multiple_registers mask_write_register "
        "read_write_multiple_registers write_file_record",
    ),
    **_rows("modbus.request", _RESET, "restart_communications"),
    **_rows("modbus.request", _SILENCE, "force_listen_only_mode"),
    **_rows("s7comm.request", _STOP, "stop"),
    **_rows("s7comm.request", _START, "start exit_hold"),
    **_rows("s7comm.request", _RESET, "memory_reset"),
    **_rows("s7comm.request", _PROGRAM, "download_start insert_block copy_ram_to_rom"),
    **_rows("s7comm.request", _DELETE, "delete_block compress_memory"),
    **_rows("s7comm.request", _READ_OUT, "upload_start upload upload_end"),
    **_rows("s7comm.request", _FORCE, "force modify_variable breakpoint"),
    **_rows("s7comm.request", _WRITE, "write_var"),
    **_rows("s7comm.request", _CLOCK, "set_clock"),
    **_rows("s7comm.request", _UNLOCK, "password clear_password"),
    **_rows("s7comm.plus", _WRITE, "set_variable set_multi_variables set_var_sub_streamed"),
    **_rows("s7comm.plus", _DELETE, "delete_object"),
    **_rows("cip.request", _STOP, "stop"),
    **_rows("cip.request", _START, "start"),
    **_rows("cip.request", _RESET, "reset factory_reset"),
    **_rows("cip.request", _PROGRAM, "initiate_download initiate_partial_write download_transfer restore save create"),
    **_rows("cip.request", _DELETE, "delete clear_file"),
    **_rows("cip.request", _READ_OUT, "initiate_upload initiate_partial_read upload_transfer"),
    **_rows(
        "cip.request",
        _WRITE,
        "write_tag write_tag_fragmented read_modify_write_tag set_attribute_all set_attribute_list "
        "set_attribute_single set_member apply_attributes",
    ),
    **_rows("cip.request", _UNLOCK, "unlock_controller"),
    **_rows("cip.request", _CLOCK, "set_clock"),
    **_rows("cip.pccc", _MODE, "change_mode"),
    **_rows("cip.pccc", _STOP, "shutdown"),
    **_rows("cip.pccc", _RESET, "initialize_memory"),
    **_rows("cip.pccc", _PROGRAM, "download_all_request download_completed download_request"),
    **_rows("cip.pccc", _READ_OUT, "upload_all_request upload_completed upload"),
    **_rows("cip.pccc", _FORCE, "disable_forces"),
    **_rows(
        "cip.pccc",
        _WRITE,
        "protected_typed_logical_write protected_typed_file_write typed_write word_range_write bit_write "
        "protected_write unprotected_write protected_bit_write unprotected_bit_write physical_write "
        "write_bytes_physical read_modify_write read_modify_write_n",
    ),
    **_rows("bacnet.request", _RESET, "reinitialize_device"),
    **_rows("bacnet.request", _SILENCE, "device_communication_control"),
    **_rows("bacnet.request", _PROGRAM, "atomic_write_file"),
    **_rows(
        "bacnet.request",
        _WRITE,
        "write_property write_property_multiple write_group add_list_element remove_list_element life_safety_operation",
    ),
    **_rows("bacnet.request", _DELETE, "delete_object"),
    **_rows("bacnet.request", _CLOCK, "time_synchronization utc_time_synchronization"),
}

# Where the object decides what an operation does. (ASHRAE 135 §16.4: reinitialize_device also steers backups.)
OBJECTS: dict[tuple[str, str, str], _Sort] = {
    ("bacnet.request", "reinitialize_device", state): sort
    for sort, states in (
        (_READ_OUT, "start-backup end-backup"),
        (_RESTORE, "start-restore end-restore abort-restore"),
        (_WRITE, "activate-changes"),
    )
    for state in states.split()
}

_ANSWERS = ("modbus.response", "s7comm.response", "cip.response", "bacnet.response")


class OtCommand(Rule):
    """Someone changed what a controller does."""

    NAME = "ot_command"
    COMMANDED = ("modbus.request", "s7comm.request", "s7comm.plus", "cip.request", "cip.pccc", "bacnet.request")
    READS = (*COMMANDED, *_ANSWERS)
    DOC = RuleDoc(
        title="Command to a controller",
        severity=Severity.LOW,
        why="Commands that stop, restart or program a controller act on the plant itself.",
        attack=("T0855",),
        remedy="Check that the sender was meant to do this now; if so, allow it by name, if not, cut its path.",
        source="ATT&CK for ICS T0855, T0858, T0843, T0816, T0836",
        limits=(
            "Whether a command is unusual needs history: one capture has none.",
            "Whether the controller carried it out is known only where its answer was captured.",
        ),
        benign=(
            "Engineering work in a maintenance window.",
            "Set points written by the operator station all day long.",
        ),
    )

    def concerns(self, fact: Observation) -> Iterable[str]:
        """Commands concern the sender, and so do the answers to him."""
        if fact.object is None:
            return ()
        if fact.kind in _ANSWERS:
            return (fact.object.id,)
        return (fact.subject.id,) if _sort_of(fact) is not None else ()

    def findings(self, sight: Sight) -> Iterator[Finding]:
        """One finding per sender, controller and sort of command; one for all controllers where they are many."""
        groups: dict[tuple[str, str], dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
        sorts: dict[str, _Sort] = {}
        for fact in sight.facts(*self.COMMANDED):
            sort = _sort_of(fact)
            if sort is not None and fact.object is not None:
                sorts[sort.name] = sort
                actor, target = (sight.device_id(part) or part.id for part in (fact.subject, fact.object))
                groups[actor, sort.name][target].append(fact)
        answers = _answers(sight)
        for (_, name), targets in groups.items():
            if len(targets) >= sight.options.grouped_targets:
                yield self._many(sight, sorts[name], list(targets.values()), answers)
            else:
                for facts in targets.values():
                    yield self._one(sight, sorts[name], facts, answers)

    def _one(self, sight: Sight, sort: _Sort, facts: list[Observation], answers: _Answers) -> Finding:
        actor, target = facts[0].subject, _target(facts)
        return self.finding(
            sight,
            ((actor, "actor"), (target, "target")),
            facts,
            topic=sort.name,
            title=sort.title,
            severity=sort.severity,
            attack=sort.attack,
            why=f"{sight.label(target)} was {sort.verb} by {sight.label(actor)}{_obeyed(facts, answers)}.",
            expected=_EXPECTED,
            seen=_seen(facts),
        )

    def _many(self, sight: Sight, sort: _Sort, groups: list[list[Observation]], answers: _Answers) -> Finding:
        groups = sorted(groups, key=lambda facts: (-sum(fact.count for fact in facts), sight.label(_target(facts))))
        facts = [fact for group in groups for fact in group]
        actor, targets = facts[0].subject, [_target(group) for group in groups]
        some = ", ".join(sight.label(target) for target in targets[:3])
        return self.finding(
            sight,
            ((actor, "actor"), *((target, "target") for target in targets)),
            facts,
            topic=sort.name,
            about=(actor,),
            title=sort.title,
            severity=sort.severity,
            attack=sort.attack,
            why=f"{len(targets):,} devices were {sort.verb} by {sight.label(actor)}: {some} and "
            f"{len(targets) - 3:,} more{_obeyed(facts, answers)}.",
            expected=_EXPECTED,
            seen=_seen(facts),
        )


_EXPECTED = "Only approved stations change what a controller does, in approved windows."

# How often which answer was given, by protocol, who answered, whom, and what was asked.
_Answers = dict[tuple[str, str, str, str], Counter[str]]


def _sort_of(fact: Observation) -> _Sort | None:
    operation = str(fact["operation"])
    return OBJECTS.get((fact.kind, operation, str(fact["object"]))) or COMMANDS.get((fact.kind, operation))


def _target(facts: list[Observation]) -> Part:
    return next(fact.object for fact in facts if fact.object is not None)


def _asked(fact: Observation) -> str:
    """Return what an answer is known by: Modbus answers carry the function alone."""
    return str(fact["function"] if fact.kind.startswith("modbus.") else fact["operation"])


def _answers(sight: Sight) -> _Answers:
    answers: _Answers = defaultdict(Counter)
    for fact in sight.facts(*_ANSWERS):
        if fact.object is not None:
            status = fact["status"]
            word = "ok" if status in (None, 0, "ok") else f"status {status}" if isinstance(status, int) else str(status)
            key = (fact.kind.partition(".")[0], fact.subject.id, fact.object.id, _asked(fact))
            answers[key][word] += fact.count
    return answers


def _obeyed(facts: list[Observation], answers: _Answers) -> str:
    """Return how the commands were answered, in words; nothing where that can't be told for each of them."""
    found: Counter[str] = Counter()
    for key in {(f.kind.partition(".")[0], f.object.id, f.subject.id, _asked(f)) for f in facts if f.object}:
        found.update(answers.get(key, {}))
    commands, answered = sum(fact.count for fact in facts), sum(found.values())
    refusals = Counter({word: count for word, count in found.items() if word != "ok"})
    if not refusals or answered > commands:
        return ""  # More answers than commands: other requests of that name were answered too.
    reasons = ", ".join(word.rpartition(": ")[2].replace("-", " ") for word, _ in refusals.most_common(2))
    if refusals.total() == commands:
        return f", but refused ({reasons})"
    return f"; {refusals.total():,} of {commands:,} commands were refused ({reasons})"


def _seen(facts: list[Observation]) -> str:
    counts: Counter[str] = Counter()
    for fact in facts:
        counts[f"{fact['operation']} {fact['object'] or ''}".strip()] += fact.count
    shown = [f"{text} ×{count:,}" if count > 1 else text for text, count in sorted(counts.items())[:4]]
    return "; ".join(shown) + (f"; and {len(counts) - 4:,} more" if len(counts) > 4 else "")

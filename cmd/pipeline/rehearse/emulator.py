"""Serves MiniStack to one rehearsal, on a socket that it is handed as file descriptor 3, with what the rehearsal adds.

The emulator creates what it knows. This file makes it

- stub every resource type that it does not know, and of some types what it refuses: a made-up id, any attribute, nothing
  behind it;
- stub custom resources, for their handlers would have to run here;
- refuse references to what a template does not have, and attributes that a known resource did not get: by itself it
  answers both with whatever is at hand;
- fail the deletion of a stack when a resource of it cannot be deleted;
- keep termination protection, and refuse to delete what is protected;
- say in a change set which properties change, without which cdk diff shows no difference;
- answer DeleteChangeSet and DeleteStack as the CDK command line expects of CloudFormation;
- have what an environment takes as given: its hosted zone, and the parameters that AWS publishes.

Usage: emulator.py STUBBED [ZONE]. STUBBED is the file that the type of each stub is added to, one a line; ZONE is the id of
a hosted zone.
"""

import asyncio
import re
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config

from ministack.app import app
from ministack.services import cloudformation, route53, ssm
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

CUSTOM = "AWS::CloudFormation::CustomResource"
INTERNAL = ("AWS::CDK::", "AWS::CloudFormation::")
PSEUDO = "AWS::"
STUBBED = sys.argv[1]


class Attributes(dict):
    """The attributes of a stub: whatever is asked for."""

    def __init__(self, physical_id):
        super().__init__()
        self.physical_id = physical_id

    def __bool__(self):  # the emulator takes what is false for nothing
        return True

    def __contains__(self, name):
        return True

    def __getitem__(self, name):
        return f"{self.physical_id}.{name}"

    def __deepcopy__(self, memo):
        return Attributes(self.physical_id)


def stub(kind):
    """The handlers of a type with nothing behind it, which write the type down when they make one."""

    def create(logical_id, props, stack_name):
        with open(STUBBED, "a", encoding="utf-8") as file:
            file.write(f"{kind}\n")
        physical_id = provisioners._physical_name(stack_name, logical_id)
        return physical_id, Attributes(physical_id)

    def update(physical_id, old_props, new_props, stack_name):
        return physical_id, Attributes(physical_id)

    def delete(physical_id, props):
        pass

    return {"create": create, "update": update, "delete": delete}


# What the emulator refuses of types that it knows: the part, and how to tell it by the properties.
PARTS = {"AWS::CloudWatch::Alarm": ("of metric math", lambda props: "Metrics" in props)}


def partly(kind, handler):
    """The emulator's handlers, or the stub for the part of the type that it refuses."""
    part, is_of = PARTS[kind]
    stubbed = stub(f"{kind} {part}")

    def create(logical_id, props, stack_name):
        return (stubbed if is_of(props) else handler)["create"](logical_id, props, stack_name)

    def delete(physical_id, props):
        return (stubbed if is_of(props) else handler)["delete"](physical_id, props)

    return {"create": create, "delete": delete}  # what has no update is created again


class Handlers(dict):
    """The emulator's handlers by type, and a stub for every other."""

    def get(self, kind, default=None):
        if kind in PARTS:
            return partly(kind, self[kind])
        if kind in self and kind != CUSTOM:
            return self[kind]
        return default if kind != CUSTOM and kind.startswith(INTERNAL) else stub(kind)


def check_references(template):
    """Raises what CloudFormation says of a template that names what it does not have."""
    resources = template.get("Resources", {})
    names = set(resources) | set(template.get("Parameters", {}))

    def walk(value):
        if isinstance(value, list):
            for item in value:
                walk(item)
        if not isinstance(value, dict):
            return
        for key, inner in value.items():
            if key == "Ref" and inner not in names and not inner.startswith(PSEUDO):
                raise ValueError(f"Unresolved resource dependencies [{inner}] in the Resources block of the template")
            if key == "Fn::GetAtt" and (inner.split(".") if isinstance(inner, str) else inner)[0] not in resources:
                raise ValueError(f"Template error: instance of Fn::GetAtt references undefined resource {inner}")
            if key == "Fn::Sub":
                text, given = (inner, {}) if isinstance(inner, str) else inner
                for name in re.findall(r"\$\{([^!}][^}]*)\}", text):
                    if name not in given and name.split(".")[0] not in names and not name.startswith(PSEUDO):
                        raise ValueError(f"Unresolved resource dependencies [{name}] in the Resources block of the template")
            walk(inner)

    for resource in resources.values():
        walk(resource.get("Properties", {}))
        depends = resource.get("DependsOn", [])
        for name in [depends] if isinstance(depends, str) else depends:
            if name not in resources:
                raise ValueError(f"Template format error: Unresolved resource dependencies [{name}]")
    walk(template.get("Outputs", {}))


def parse_template(body, parse=engine._parse_template):
    template = parse(body)
    check_references(template)
    return template


def resolve_refs(value, resources, *rest, resolve=engine._resolve_refs):
    """Raises for an attribute that a resource which is there did not get."""
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        asked = value["Fn::GetAtt"]
        name, attribute = asked.split(".", 1) if isinstance(asked, str) else asked
        made = resources.get(name)
        if made and attribute not in made.get("Attributes", {}):
            raise ValueError(f"{name} ({made['ResourceType']}) has no attribute {attribute}")
    return resolve(value, resources, *rest)


def named(params):
    """The stack that a request is about, None when there is none: by its name or its id."""
    name = handlers._p(params, "StackName")
    found = cloudformation._stacks.get(name.split("/")[1] if name.startswith("arn:") else name)
    return found if found and found["StackStatus"] != "DELETE_COMPLETE" else None


def delete_change_set(params, delete=changesets._delete_change_set):
    status, headers, body = delete(params)
    if status == 404:  # a change set that is gone already is deleted
        return handlers._xml(200, "DeleteChangeSetResponse", "")
    return status, headers, body


def diff_resources(old, new, diff=stacks._diff_resources):
    """The changes, each with the names of the properties that change."""
    changes = diff(old, new)
    for change in changes:
        name = change["ResourceChange"]["LogicalResourceId"]
        before = old.get("Resources", {}).get(name, {}).get("Properties", {})
        after = new.get("Resources", {}).get(name, {}).get("Properties", {})
        if change["ResourceChange"]["Action"] == "Modify":
            change["properties"] = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    return changes


def describe_change_set(params, describe=changesets._describe_change_set):
    status, headers, body = describe(params)
    _, found = changesets._find_change_set(handlers._p(params, "ChangeSetName"), handlers._p(params, "StackName"))
    if not found:
        return status, headers, body
    properties = {c["ResourceChange"]["LogicalResourceId"]: c.get("properties", []) for c in found["Changes"]}

    def add(match):
        details = "".join(
            "<member><ChangeSource>DirectModification</ChangeSource><Evaluation>Static</Evaluation><Target><Attribute>Properties</Attribute>"
            f"<Name>{name}</Name><RequiresRecreation>Conditionally</RequiresRecreation></Target></member>"
            for name in properties[match.group(1)])
        return f"{match.group(0)}<Details>{details}</Details>"

    return status, headers, re.sub(r"<LogicalResourceId>([^<]*)</LogicalResourceId>", add, body.decode()).encode()


def delete_stack(params, delete=handlers._delete_stack):
    stack = named(params)
    if stack and stack.get("_protected"):
        return handlers._error("ValidationError", f"Stack [{stack['StackName']}] cannot be deleted while TerminationProtection is enabled")
    return delete({**params, "StackName": [stack["StackName"]]} if stack else params)


def update_termination_protection(params):
    stack = named(params)
    if not stack:
        return handlers._error("ValidationError", f"Stack [{handlers._p(params, 'StackName')}] does not exist")
    stack["_protected"] = handlers._p(params, "EnableTerminationProtection").lower() == "true"
    return handlers._xml(
        200, "UpdateTerminationProtectionResponse",
        f"<UpdateTerminationProtectionResult><StackId>{stack['StackId']}</StackId></UpdateTerminationProtectionResult>")


def describe_stacks(params, describe=handlers._describe_stacks):
    status, headers, body = describe(params)

    def add(match):
        stack = cloudformation._stacks.get(match.group(1))
        protected = str(bool(stack and stack.get("_protected"))).lower()
        return f"{match.group(0)}<EnableTerminationProtection>{protected}</EnableTerminationProtection>"

    return status, headers, re.sub(r"<StackName>([^<]*)</StackName>", add, body.decode()).encode()


def published(name, resolve=ssm.resolve_parameter_value):
    """The value of a parameter, made up where AWS is who publishes it."""
    return "ami-00000000000000000" if name.startswith("/aws/service/ami-") else resolve(name)


def add_zone(zone):
    route53._zones[zone] = {"id": zone, "name": "rehearsal.", "caller_reference": zone, "comment": "", "private": False}
    route53._records[zone] = route53._default_records("rehearsal.")


async def delete_stack_async(stack_name, stack_id, delete=handlers._delete_stack_async):
    """Deletes, and does not say so of a stack with a resource that is still there."""
    before = len(cloudformation._stack_events.get(stack_id, []))
    await delete(stack_name, stack_id)
    for event in cloudformation._stack_events.get(stack_id, [])[before:]:
        if event["ResourceStatus"] == "DELETE_FAILED":
            stack = cloudformation._stacks[stack_name]
            stack["StackStatus"] = "DELETE_FAILED"
            stack["StackStatusReason"] = f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}"
            stacks._add_event(stack_id, stack_name, stack_name, "AWS::CloudFormation::Stack", "DELETE_FAILED", stack["StackStatusReason"], stack_id)
            return


def install():
    provisioners._RESOURCE_HANDLERS = Handlers(provisioners._RESOURCE_HANDLERS)
    changesets._diff_resources = diff_resources
    handlers._delete_stack_async = delete_stack_async
    ssm.resolve_parameter_value = published
    for module in (changesets, handlers):
        module._parse_template = parse_template
    for module in (changesets, engine, handlers, stacks):
        module._resolve_refs = resolve_refs
    handlers._ACTION_HANDLERS.update({
        "DeleteChangeSet": delete_change_set,
        "DeleteStack": delete_stack,
        "DescribeChangeSet": describe_change_set,
        "DescribeStacks": describe_stacks,
        "UpdateTerminationProtection": update_termination_protection,
    })
    stacks._is_custom_resource = lambda kind: False


def main():
    install()
    for zone in sys.argv[2:]:
        add_zone(zone)
    config = Config()
    config.bind = ["fd://3"]
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()

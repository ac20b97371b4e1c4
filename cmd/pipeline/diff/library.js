// Reads pairs of templates on standard input and writes what AWS's own library says about each, as JSON. It judges
// nothing and names values nowhere: whoever reads the answer has both templates.
const { fullDiff } = require("@aws-cdk/cloudformation-diff");

const sections = ["parameters", "conditions", "mappings", "metadata", "outputs", "unknown"];

function compare({ before, after }) {
  const diff = fullDiff(before, after);
  const resources = {};
  diff.resources.forEachDifference((id, change) => {
    const properties = {};
    for (const [name, property] of Object.entries(change.propertyUpdates)) {
      properties[name] = property.changeImpact;
    }
    const attributes = Object.entries(change.otherChanges).filter(([, other]) => other.isDifferent).map(([name]) => name);
    resources[id] = { impact: change.changeImpact, properties, attributes };
  });
  const others = [];
  for (const section of sections) {
    diff[section].forEachDifference((id) => others.push(section === "unknown" ? id : `${section} ${id}`));
  }
  for (const section of ["awsTemplateFormatVersion", "description", "transform"]) {
    if (diff[section] !== undefined) others.push(section);
  }
  return { resources, others };
}

const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () => {
  const pairs = JSON.parse(Buffer.concat(chunks).toString("utf8"));
  process.stdout.write(JSON.stringify(pairs.map(compare)));
});

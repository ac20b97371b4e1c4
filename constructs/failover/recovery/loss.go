package recovery

import (
	"fmt"
	"time"
)

// The figures of S3's replication.
const (
	// ReplicationObjective is the lag of S3's replication over which an alarm is raised. It is what we aim at, not what
	// AWS promises.
	ReplicationObjective = 5 * time.Minute
	// ReplicationService is the only time that S3's replication knows: Replication Time Control copies 99.99 percent of
	// new objects within it (Amazon S3 User Guide, "Meeting compliance requirements with S3 Replication Time Control").
	ReplicationService = 15 * time.Minute
)

// Loss is how much of one kind of state is lost at worst when a Region is (RPO).
type Loss struct {
	State     string
	Objective time.Duration // over it an alarm is raised; 0: nothing watches it
	Service   time.Duration // what AWS's service level leads to; 0: AWS gives none
	Reason    string
}

// Objects is the loss of objects in a bucket that S3 replicates with Replication Time Control.
func Objects() Loss {
	return Loss{"objects", ReplicationObjective, ReplicationService,
		"S3 copies most objects in seconds and 99.99 percent within 15 minutes, its only service level; an alarm watches its lag"}
}

// Records is the loss of usage records that a server stores every flush in such a bucket.
func Records(flush time.Duration) Loss {
	objects := Objects()
	return Loss{"usage records", flush + objects.Objective, flush + objects.Service,
		fmt.Sprintf("a server holds records up to %s before it stores them, longer only while S3 refuses them; then %s", flush, objects.Reason)}
}

// Secret is the loss of changes to a secret that Secrets Manager replicates.
func Secret() Loss {
	return Loss{State: "secrets", Reason: "Secrets Manager gives no figure for its replication, and no metric of its lag; " +
		"after a change, look at the status of the replicas"}
}

// Table is the loss of writes to a DynamoDB global table with eventual consistency.
func Table() Loss {
	return Loss{"global tables", ReplicationObjective, 0,
		`DynamoDB copies writes "typically within a second or less" and gives no service level for the lag; an alarm watches it ` +
			`(Amazon DynamoDB Developer Guide, "How DynamoDB global tables work")`}
}

// String is the loss as a person reads it.
func (l Loss) String() string {
	objective, service := "none", "none"
	if l.Objective > 0 {
		objective = l.Objective.String()
	}
	if l.Service > 0 {
		service = l.Service.String()
	}
	return fmt.Sprintf("%-13s objective %s, service level %s: %s", l.State, objective, service, l.Reason)
}

package measure

// The project's own metrics, by the names that lib/result/metrics.ts gives them.
const (
	OpDuration    = "s3_op_duration"
	ErrorDuration = "s3_error_duration"
	Errors        = "s3_errors"
	Misses        = "s3_misses"
	Bytes         = "s3_bytes"
	Objects       = "s3_objects"
	Retries       = "s3_retries"
	Verified      = "s3_verified"

	// Of connections held open.
	ConnectionCount    = "s3_connections"
	OpenConnections    = "s3_connections_open"
	ConnectionBytes    = "s3_connection_bytes"
	ConnectionLifetime = "s3_connection_lifetime"
)

// Preparation is the op tag of requests that are beside the load.
const Preparation = "preparation"

package output

import "s3loadtest/extension/threshold"

// The types of lib/result/interval.ts, which says what they mean; a test holds them against it.

type interval struct {
	Schema      string                `json:"schema"`
	Seq         int64                 `json:"seq"`
	T           int64                 `json:"t"`
	Ms          int64                 `json:"ms"`
	Totals      intervalTotals        `json:"totals"`
	Series      []intervalSeries      `json:"series"`
	Connections []intervalConnections `json:"connections"`
	Generator   intervalGenerator     `json:"generator"`
	End         *intervalEnd          `json:"end,omitempty"`
}

type intervalTotals struct {
	Ops    int64 `json:"ops"`
	Bytes  int64 `json:"bytes"`
	Errors int64 `json:"errors"`
}

type intervalSeries struct {
	Test         string           `json:"test"`
	Phase        string           `json:"phase,omitempty"`
	Op           string           `json:"op"`
	Size         string           `json:"size"`
	Endpoint     string           `json:"endpoint"`
	Ops          int64            `json:"ops,omitempty"`
	Bytes        int64            `json:"bytes,omitempty"`
	Errors       map[string]int64 `json:"errors,omitempty"`
	Objects      int64            `json:"objects,omitempty"`
	Misses       int64            `json:"misses,omitempty"`
	Retries      int64            `json:"retries,omitempty"`
	Redirected   int64            `json:"redirected,omitempty"`
	Verified     int64            `json:"verified,omitempty"`
	Latency      string           `json:"latency,omitempty"`
	TTFB         string           `json:"ttfb,omitempty"`
	ErrorLatency string           `json:"errorLatency,omitempty"`
}

type intervalConnections struct {
	Test          string           `json:"test"`
	Op            string           `json:"op"`
	Endpoint      string           `json:"endpoint"`
	Open          int64            `json:"open"`
	Opened        int64            `json:"opened,omitempty"`
	Ended         map[string]int64 `json:"ended,omitempty"`
	BytesSent     int64            `json:"bytesSent,omitempty"`
	BytesReceived int64            `json:"bytesReceived,omitempty"`
	Lifetime      string           `json:"lifetime,omitempty"`
}

type intervalGenerator struct {
	CPUSeconds        float64 `json:"cpuSeconds"`
	MemoryBytes       int64   `json:"memoryBytes"`
	PeakMemoryBytes   int64   `json:"peakMemoryBytes"`
	VUs               int64   `json:"vus"`
	Iterations        int64   `json:"iterations"`
	DroppedIterations int64   `json:"droppedIterations"`
	Exceptions        int64   `json:"exceptions,omitempty"`
	ReceivedBytes     int64   `json:"receivedBytes,omitempty"`
	SentBytes         int64   `json:"sentBytes,omitempty"`
}

type intervalEnd struct {
	Thresholds []threshold.Result `json:"thresholds"`
}

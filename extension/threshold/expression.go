package threshold

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.k6.io/k6/v2/metrics"
)

// expression is what a threshold says: https://grafana.com/docs/k6/latest/using-k6/thresholds/#threshold-syntax
type expression struct {
	// method is avg, min, max, med, count, rate, value or p.
	method string
	// quantile is p's, 0 to 1.
	quantile float64
	operator string
	limit    float64
}

// operators, where one that begins another comes after it.
var operators = []string{"<=", "<", ">=", ">", "===", "==", "!="}

// parse reads an expression that k6 has found right.
func parse(source string) (expression, error) {
	for _, operator := range operators {
		left, right, found := strings.Cut(source, operator)
		if !found {
			continue
		}
		e := expression{method: strings.TrimSpace(left), operator: operator}
		limit, err := strconv.ParseFloat(strings.TrimSpace(right), 64)
		if err != nil {
			return e, fmt.Errorf("threshold %q: %w", source, err)
		}
		e.limit = limit
		if percent, is := strings.CutPrefix(e.method, "p("); is {
			n, err := strconv.ParseFloat(strings.TrimSuffix(percent, ")"), 64)
			if err != nil {
				return e, fmt.Errorf("threshold %q: %w", source, err)
			}
			e.method, e.quantile = "p", n/100
		}
		return e, nil
	}
	return expression{}, fmt.Errorf("threshold %q has none of %s", source, strings.Join(operators, " "))
}

// holds compares what a sink has, `elapsed` after the start of the run. What can't be said yet holds, as in k6.
func (e expression) holds(sink Sink, elapsed time.Duration) bool {
	value, known := e.of(sink, elapsed)
	if !known {
		return true
	}
	switch e.operator {
	case "<=":
		return value <= e.limit
	case "<":
		return value < e.limit
	case ">=":
		return value >= e.limit
	case ">":
		return value > e.limit
	case "!=":
		return value != e.limit
	default:
		return value == e.limit
	}
}

func (e expression) of(sink Sink, elapsed time.Duration) (value float64, known bool) {
	switch sink := sink.(type) {
	case *metrics.CounterSink:
		if e.method == "count" {
			return sink.Value, true
		}
		return sink.Rate(elapsed), elapsed > 0
	case *metrics.GaugeSink:
		return sink.Value, true
	case *metrics.RateSink:
		return float64(sink.Trues) / float64(sink.Total), sink.Total > 0
	case *trend:
		return e.ofTrend(sink), true
	default:
		return 0, false
	}
}

func (e expression) ofTrend(t *trend) float64 {
	switch e.method {
	case "min":
		return t.min
	case "max":
		return t.max
	case "avg":
		return t.mean()
	case "med":
		return t.quantile(0.5)
	default:
		return t.quantile(e.quantile)
	}
}

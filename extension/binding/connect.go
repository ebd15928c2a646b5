package binding

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/grafana/sobek"
	"github.com/sirupsen/logrus"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/lib"
	"go.k6.io/k6/v2/lib/netext"

	"s3loadtest/extension/measure"
	"s3loadtest/extension/request"
	"s3loadtest/extension/sigv4"
	"s3loadtest/extension/wire"
)

// connectOptions are what a script gives to connect: NativeOptions of lib/s3/engines/extension.ts.
type connectOptions struct {
	Endpoints       []string `js:"endpoints"`
	Bucket          string   `js:"bucket"`
	Addressing      string   `js:"addressing"`
	Region          string   `js:"region"`
	AccessKeyID     string   `js:"accessKeyId"`
	SecretAccessKey string   `js:"secretAccessKey"`
	SessionToken    string   `js:"sessionToken"`
	CredentialsFile string   `js:"credentialsFile"`
	// Timeout and RequestTimeout are in milliseconds, the latter 0 for none.
	Timeout        float64 `js:"timeout"`
	RequestTimeout float64 `js:"requestTimeout"`
	Attempts       int     `js:"attempts"`
	// RetryDelay is in milliseconds, 0 for none.
	RetryDelay     float64 `js:"retryDelay"`
	FirstEndpoint  int     `js:"firstEndpoint"`
	Brakes         bool    `js:"brakes"`
	Silent         bool    `js:"silent"`
	MissesExpected bool    `js:"missesExpected"`
	Verify         bool    `js:"verify"`
	SampleMark     string  `js:"sampleMark"`
}

// outages are what all VUs of this process know of their endpoints.
var outages = request.NewOutages()

// names are what all VUs of this process know of the addresses of their endpoints.
var names = wire.NewNames()

// namesFor gives them, but where k6 was told where names are, or which to block.
func namesFor(dialer lib.DialContexter) *wire.Names {
	if d, ok := dialer.(*netext.Dialer); ok && (d.Hosts != nil || d.BlockedHostnames != nil) {
		return nil
	}
	return names
}

// proxyFor goes by the environment, as k6's own client does; what is wrong there the script has refused.
func proxyFor(to *url.URL) *url.URL {
	proxy, _ := http.ProxyFromEnvironment(&http.Request{URL: to})
	return proxy
}

// clientOptions are what a script gave to connect or hold, and what it counts by. The VU that asks must be running: before
// that, k6 has no network for it.
func (i *instance) clientOptions(given sobek.Value) (request.Options, *measure.Recorder) {
	rt, state := i.vu.Runtime(), i.vu.State()
	if state == nil {
		common.Throw(rt, errors.New("this is for running VUs, not for the init context"))
	}
	var a connectOptions
	if err := rt.ExportTo(given, &a); err != nil {
		common.Throw(rt, err)
	}
	options := request.Options{
		Endpoints:     a.Endpoints,
		Bucket:        a.Bucket,
		Virtual:       a.Addressing == "virtual",
		Region:        a.Region,
		Credentials:   sigv4.Credentials{AccessKeyID: a.AccessKeyID, SecretAccessKey: a.SecretAccessKey, SessionToken: a.SessionToken},
		Timeout:       time.Duration(a.Timeout * float64(time.Millisecond)),
		Whole:         time.Duration(a.RequestTimeout * float64(time.Millisecond)),
		Attempts:      a.Attempts,
		RetryDelay:    time.Duration(a.RetryDelay * float64(time.Millisecond)),
		FirstEndpoint: a.FirstEndpoint,
		Brakes:        a.Brakes,
		UserAgent:     state.Options.UserAgent.String,
		Verify:        a.Verify,
		TLS:           state.TLSConfig,
	}
	if a.CredentialsFile != "" {
		latest, err := latestOf(a.CredentialsFile, state.Logger)
		if err != nil {
			common.Throw(rt, err)
		}
		options.Latest = latest
	}
	options.Outages, options.Names = outages, namesFor(state.Dialer)
	options.Proxy = proxyFor
	options.Tell = func(line string) {
		state.Logger.WithFields(logrus.Fields{"source": "console"}).Warn(line)
	}
	if state.RPSLimit != nil {
		options.Limit = state.RPSLimit
	}
	counting := measure.Counting{Silent: a.Silent, MissesExpected: a.MissesExpected, SampleMark: a.SampleMark}
	return options, measure.NewRecorder(state, i.own, counting)
}

// connect makes a client for the VU that asks.
func (i *instance) connect(call sobek.FunctionCall) sobek.Value {
	rt, given := i.vu.Runtime(), call.Argument(0)
	options, recorder := i.clientOptions(given)
	state := i.vu.State()
	client := request.New(options, wire.NewPool(state.Dialer, reuseOf(state.Options)), recorder)
	pause, ok := sobek.AssertFunction(given.ToObject(rt).Get("pause"))
	if !ok {
		common.Throw(rt, errors.New("connect needs a pause"))
	}
	return (&engine{vu: i.vu, rt: rt, state: state, client: client, pause: pause}).object()
}

func reuseOf(options lib.Options) wire.Reuse {
	switch {
	case options.NoConnectionReuse.Bool:
		return wire.Never
	case options.NoVUConnectionReuse.Bool:
		return wire.WithinIteration
	default:
		return wire.Always
	}
}

package cuda

// Info says which driver answers, or why none does.
type Info struct {
	Driver  string   // path of the driver library, or the provider's name ("sim"); empty if there is none
	Tried   []string // library names that were tried, in order; empty where a provider answers
	Version int      // driver API version, 1000*major + 10*minor
	Err     error    // why there is no working driver; nil if there is one
}

package access

import "context"

// callerKey is where a request's context says who sent it.
type callerKey struct{}

// WithCaller lets a request's context say who sent it. It is asked as often as somebody
// wants to know, since callers may be replaced while a request is under way.
func WithCaller(ctx context.Context, who func() *Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, who)
}

// CallerIn is who sent a request, as of now. It is nil, who may do nothing, if nobody has
// said who that is.
func CallerIn(ctx context.Context) *Caller {
	who, _ := ctx.Value(callerKey{}).(func() *Caller)
	if who == nil {
		return nil
	}
	return who()
}

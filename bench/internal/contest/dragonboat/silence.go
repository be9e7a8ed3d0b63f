package dragonboat

import (
	"fmt"
	"sync"

	"github.com/lni/dragonboat/v4/logger"
)

// silence keeps its loggers from writing. They are the process's, and set once.
var silence = sync.OnceFunc(func() {
	logger.SetLoggerFactory(func(string) logger.ILogger { return quiet{} })
})

type quiet struct{}

func (quiet) SetLevel(logger.LogLevel)  {}
func (quiet) Debugf(string, ...any)     {}
func (quiet) Infof(string, ...any)      {}
func (quiet) Warningf(string, ...any)   {}
func (quiet) Errorf(string, ...any)     {}
func (quiet) Panicf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

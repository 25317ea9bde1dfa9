#include "test/unit/schedule/ScheduleInstances.h"

#include "taskproto.h"

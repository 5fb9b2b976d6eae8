#include "CExitHooks.h"

/* Functions that the files of CExitHooks share. Each is explained at its definition. */
#ifndef BACKSTAY_CEXITHOOKS_INTERNAL_H
#define BACKSTAY_CEXITHOOKS_INTERNAL_H

#include "CExitHooks.h"

void backstay_pass_on(int signal, siginfo_t *info, void *context, const struct sigaction *previous);
bool backstay_is_function(const struct sigaction *action);
void backstay_note_handled_signal(int signal);
void backstay_unnote_handled_signal(int signal);
void backstay_signals_start(void);
void backstay_signals_forked(void);
void backstay_crash_forked(void);

#endif

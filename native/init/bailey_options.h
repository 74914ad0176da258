/* Made from options.json by scripts/bailey-init-options.js: change it there. */
#ifndef BAILEY_OPTIONS_TABLE_H
#define BAILEY_OPTIONS_TABLE_H

/* Rows of struct option. */
#define BAILEY_OPTION_ROWS \
    {.name = "--group", .set = set_to_group, .variable = "BAILEY_GROUP"}, \
    {.name = "--rewrite", .set = set_rewrite, .hint = "SIGNAL:SIGNAL or SIGNAL:0, as in INT:TERM,HUP:0", .variable = "BAILEY_REWRITE"}, \
    {.name = "--stop-timeout", .set = set_stop_timeout, .hint = "a duration such as 10s, 500ms or 2m", .variable = "BAILEY_STOP_TIMEOUT"}, \
    {.name = "--remap", .set = set_remap, .hint = "CODE or CODE:CODE from 0 to 255, as in 143,5:0", .variable = "BAILEY_REMAP"}, \
    {.name = "--expect-term", .set = set_expect_term, .variable = "BAILEY_EXPECT_TERM"}, \
    {.name = "--grace", .set = set_grace, .hint = "a duration such as 10s, 500ms or 2m", .variable = "BAILEY_GRACE"}, \
    {.name = "--wait-all", .set = set_wait_all, .variable = "BAILEY_WAIT_ALL"}, \
    {.name = "--no-epitaph", .set = set_no_epitaph, .variable = "BAILEY_NO_EPITAPH"}, \
    {.name = "--reap", .set = set_reaping, .hint = "auto, kernel or wait", .variable = "BAILEY_REAP"}, \
    {.name = "--subreaper", .set = set_subreaper, .hint = "auto, always or never", .variable = "BAILEY_SUBREAPER"}, \
    {.name = "--pause", .set = set_pause, .variable = "BAILEY_PAUSE"}, \
    {.name = "--forget", .set = set_secret_names, .hint = "variables and options of the program, as in PASSWORD,--key", .variable = "BAILEY_FORGET"}, \
    {.name = "--warn", .set = set_warn, .variable = "BAILEY_WARN"}, \
    {.name = "--verbose", .set = be_verbose, .variable = "BAILEY_VERBOSE"}, \
    {.name = "--help", .letter = 'h', .text = bailey_help}, \
    {.name = "--version", .letter = 'V', .text = bailey_version},

/* The description of the options in --help. */
#define BAILEY_OPTION_HELP \
    "Signals\n" \
    "  --group              forward signals to PROGRAM's process group        BAILEY_GROUP\n" \
    "  --rewrite SIG:SIG    forward the first as the second; SIG:0 drops it   BAILEY_REWRITE\n" \
    "  --stop-timeout TIME  SIGKILL to PROGRAM TIME after a forwarded\n" \
    "                       SIGTERM                                           BAILEY_STOP_TIMEOUT\n" \
    "Exit\n" \
    "  --remap CODE[:CODE]  exit with the second code, or 0, for the first    BAILEY_REMAP\n" \
    "  --expect-term        exit with 0 when a forwarded signal ends PROGRAM  BAILEY_EXPECT_TERM\n" \
    "  --grace TIME         after PROGRAM: SIGTERM to remaining processes,\n" \
    "                       SIGKILL after TIME                                BAILEY_GRACE\n" \
    "  --wait-all           after PROGRAM: wait for all descendants; with\n" \
    "                       --grace, SIGTERM starts the grace                 BAILEY_WAIT_ALL\n" \
    "  --no-epitaph         do not report which signal ended PROGRAM          BAILEY_NO_EPITAPH\n" \
    "Orphans\n" \
    "  --reap WAY           kernel: no wake-ups (Linux 6.15); wait: waitpid;\n" \
    "                       auto: kernel if possible (default)                BAILEY_REAP\n" \
    "  --subreaper WHEN     become a subreaper: auto, unless process 1\n" \
    "                       (default); always, or exit with 71; never         BAILEY_SUBREAPER\n" \
    "  --pause              run no PROGRAM; reap until SIGTERM or SIGINT      BAILEY_PAUSE\n" \
    "Secrets\n" \
    "  --forget NAME        once PROGRAM runs, overwrite these variables and\n" \
    "                       options in our /proc/PID/environ, cmdline; - is\n" \
    "                       all arguments                                     BAILEY_FORGET\n" \
    "Messages\n" \
    "  --warn               report each reaped orphan, with --reap wait       BAILEY_WARN\n" \
    "  --verbose            report all signals and ends, with --reap wait     BAILEY_VERBOSE\n" \
    "  -h, --help           print this help\n" \
    "  -V, --version        print the version\n"

#endif

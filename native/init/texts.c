#include "texts.h"

/* The releases of the others that these dialects were compared with. */
#define TINI "0.19.0"
#define DUMB_INIT "1.2.5"
#define CATATONIT "0.1.7"

const char bailey_help[] =
    "Usage: bailey-init [options] [--] PROGRAM [ARGUMENT...]\n"
    "\n"
    "Runs PROGRAM as the first process of a container: forwards every signal to it, leaves no\n"
    "zombie behind, and ends as it ends. When it isn't process 1, it becomes a subreaper. Called\n"
    "tini, docker-init, dumb-init or catatonit, it takes that program's options.\n"
    "\n"
    "Signals\n"
    "  --group               forward to PROGRAM's whole process group           BAILEY_GROUP\n"
    "  --rewrite SIG:SIG     forward as another signal, SIG:0 not at all        BAILEY_REWRITE\n"
    "  --stop-timeout TIME   SIGKILL to PROGRAM that long after SIGTERM         BAILEY_STOP_TIMEOUT\n"
    "The end\n"
    "  --remap CODE[:CODE]   an exit code that becomes 0, or another one        BAILEY_REMAP\n"
    "  --expect-term         an end by a signal that was forwarded is exit 0    BAILEY_EXPECT_TERM\n"
    "  --grace TIME          after PROGRAM: SIGTERM to all that is left, and\n"
    "                        SIGKILL that long after; ends with the last one    BAILEY_GRACE\n"
    "  --wait-all            stay until every descendant has ended by itself;\n"
    "                        with --grace: or until SIGTERM, then the grace     BAILEY_WAIT_ALL\n"
    "  --no-epitaph          no line about who was killed by what               BAILEY_NO_EPITAPH\n"
    "Orphans\n"
    "  --reap WAY            kernel: orphans never become zombies, nobody is\n"
    "                        woken (Linux 6.15); wait: collect each; auto:\n"
    "                        kernel where it works, else wait                   BAILEY_REAP\n"
    "  --subreaper WHEN      auto: unless process 1; always; never              BAILEY_SUBREAPER\n"
    "  --pause               no PROGRAM: reap until SIGTERM or SIGINT           BAILEY_PAUSE\n"
    "Secrets\n"
    "  --forget NAMES        when PROGRAM has them, wipe the values of these\n"
    "                        variables, and what follows these options, out of\n"
    "                        our own /proc/PID/environ and cmdline              BAILEY_FORGET\n"
    "Messages\n"
    "  --warn                tell of each process reaped                        BAILEY_WARN\n"
    "  --verbose             tell of everything                                 BAILEY_VERBOSE\n"
    "  --help, --version\n"
    "\n"
    "Options stop at the first argument that isn't one. A variable says the same as its option,\n"
    "switches with 1. TIME is 10, 10s, 500ms, 2m or 1h. SIG is a name or a number; several of\n"
    "--rewrite, --remap and --forget are separated by commas.\n"
    "\n"
    "Exit code: PROGRAM's own; 128+n when signal n ended it; 127 PROGRAM not found; 126 found, but\n"
    "it cannot be executed; 64 wrong command line; 70 PROGRAM's exit code was lost; 71 no process\n"
    "could be created.\n";

const char bailey_version[] = "bailey-init " BAILEY_VERSION "\n";

const char tini_help[] =
    "tini (the dialect of tini " TINI " that bailey-init " BAILEY_VERSION " speaks)\n"
    "Usage: tini [OPTIONS] PROGRAM -- [ARGS] | --version\n"
    "\n"
    "  --version  print the version\n"
    "  -h         print this\n"
    "  -l         print the licence\n"
    "  -s         become a subreaper of orphans                        TINI_SUBREAPER\n"
    "  -g         forward signals to the program's process group       TINI_KILL_PROCESS_GROUP\n"
    "  -e CODE    this exit code (0 to 255) becomes 0; repeatable\n"
    "  -p SIGNAL  get this signal when our parent ends, -p SIGKILL\n"
    "  -w         tell of each zombie that is reaped\n"
    "  -v         tell more; up to three times                         TINI_VERBOSITY (default: 1)\n"
    "\n";

/* docker info takes the version from before and the commit from behind the dash. */
const char tini_version[] = "tini version " TINI " - git.bailey-init\n";

const char dumb_init_usage[] = "Usage: dumb-init [option] program [args]\n"
                               "Try dumb-init --help for full usage.\n";

const char dumb_init_rewrite_usage[] =
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
    "This option can be specified multiple times.\n"
    "Use --help for full usage.\n";

/* Its own, word by word: its suite compares it. */
const char dumb_init_help[] =
    "dumb-init v" DUMB_INIT "\n"
    "Usage: dumb-init [option] command [[arg] ...]\n"
    "\n"
    "dumb-init is a simple process supervisor that forwards signals to children.\n"
    "It is designed to run as PID1 in minimal container environments.\n"
    "\n"
    "Optional arguments:\n"
    "   -c, --single-child   Run in single-child mode.\n"
    "                        In this mode, signals are only proxied to the\n"
    "                        direct child and not any of its descendants.\n"
    "   -r, --rewrite s:r    Rewrite received signal s to new signal r before proxying.\n"
    "                        To ignore (not proxy) a signal, rewrite it to 0.\n"
    "                        This option can be specified multiple times.\n"
    "   -v, --verbose        Print debugging information to stderr.\n"
    "   -h, --help           Print this help message and exit.\n"
    "   -V, --version        Print the current version and exit.\n"
    "\n"
    "Full help is available online at https://github.com/Yelp/dumb-init\n";

const char dumb_init_version[] = "dumb-init v" DUMB_INIT "\n";

const char catatonit_usage[] = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n";

const char catatonit_help[] =
    "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n"
    "(the dialect of catatonit " CATATONIT " that bailey-init " BAILEY_VERSION " speaks)\n"
    "\n"
    "  -g             forward signals to the program's process group\n"
    "  -P             pause: no program, end on SIGTERM or SIGINT\n"
    "  -h             print this\n"
    "  -L             print the licence\n"
    "  -V, --version  print the version\n";

const char catatonit_version[] = "tini version " CATATONIT "_catatonit\n";

const char licence[] =
    "bailey-init " BAILEY_VERSION " is free software under the MIT licence: use, copy, change and distribute it as you like, as\n"
    "long as the copyright notice and the licence go with it. There is no warranty of any kind.\n";

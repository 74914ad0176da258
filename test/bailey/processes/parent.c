/* A parent with a selectable fault: creates one zombie, prints its pid, and keeps running.
 *
 *   parent MODE [PID]     never | blocked | ignored | handled | another | stopped | leader
 *
 * With PID the zombie is created in the PID namespace of that process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void do_nothing(int signal) { (void)signal; }

static void *stay(void *unused) {
  (void)unused;
  for (;;) pause();
  return NULL;
}

static pid_t child(void (*life)(void)) {
  pid_t pid = fork();
  if (pid == 0) {
    life();
    _exit(0);
  }
  return pid;
}

static void end(void) {}
static void live(void) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  stay(NULL);
}

int main(int argc, char **argv) {
  const char *mode = argc > 1 ? argv[1] : "never";
  if (argc > 2) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%s/ns/pid", argv[2]);
    if (setns(open(path, O_RDONLY | O_CLOEXEC), CLONE_NEWPID) != 0) return 1;
  }
  sigset_t chld;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  if (strcmp(mode, "blocked") == 0) sigprocmask(SIG_BLOCK, &chld, NULL);
  if (strcmp(mode, "handled") == 0) signal(SIGCHLD, do_nothing);
  if (strcmp(mode, "leader") == 0) {
    pthread_t other;
    if (pthread_create(&other, NULL, stay, NULL) != 0) return 1;
    printf("%d\n", getpid());
    fflush(stdout);
    pthread_exit(NULL);
  }

  pid_t zombie = child(end);
  siginfo_t info;
  if (zombie < 0 || waitid(P_PID, (id_t)zombie, &info, WEXITED | WNOWAIT) != 0) return 1;
  pid_t other = strcmp(mode, "another") == 0 ? child(live) : 0;
  if (strcmp(mode, "ignored") == 0) signal(SIGCHLD, SIG_IGN);
  printf("%d\n", zombie);
  fflush(stdout);
  if (other > 0) waitpid(other, NULL, 0);
  if (strcmp(mode, "stopped") == 0) raise(SIGSTOP);
  stay(NULL);
}

/* Running the Node inside this file. */
#ifndef BAILEY_BECOME_NODE_H
#define BAILEY_BECOME_NODE_H

/*
 * Becomes the Node inside this file, which runs the bundle inside this file with the arguments of this process.
 * src/bailey/commands/bailey-agent.ts takes the additional arguments.
 */
_Noreturn void become_node(int argc, char **argv);

#endif

#ifndef BAILEY_NODE_H
#define BAILEY_NODE_H

/*
 * Becomes the Node in our own file, which runs the bundle in there with our arguments; never returns.
 * What Node is given besides is for src/bailey/commands/bailey-agent.ts to take.
 */
_Noreturn void become_node(int argc, char **argv);

#endif

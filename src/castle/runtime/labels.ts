/** The label with which the orchestrator gives a container its volume. */
export const volumeLabel = 'castle.volume';

error: the cluster has no nodes
--> <arguments>
 = help: give it `cluster.pools`, `cluster.manifests` with Nodes, or `cluster.machines`

1 error

real	0m0.012s
user	0m0.005s
sys	0m0.000s

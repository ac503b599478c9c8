"""Group: which media are one picture, one scene, one kind. Each looks at the whole library, or at all that is met by
what is new.

What is not here: how (duplicates/, bursts/, clusters/).
"""

import dagster as dg

from media_pipeline.config import Settings
from media_pipeline.models import model_of
from media_pipeline.orchestration.reports import result_of, run_of
from media_pipeline.orchestration.work import Progress
from media_pipeline.stages.group.bursts import assets as burst_making
from media_pipeline.stages.group.clusters import assets as cluster_making
from media_pipeline.stages.group.duplicates import assets as duplicate_making
from media_pipeline.stores.ledger import Output
from media_pipeline.stores.library import Library


def outputs(settings: Settings) -> tuple[Output, ...]:
    model = model_of(settings)
    return tuple(making.output_of(settings, model) for making in (duplicate_making, burst_making, cluster_making))


@dg.asset(deps=["hashes", "embeddings", "quality"], kinds={"numpy", "postgres"}, code_version=duplicate_making.VERSION)
def duplicate_groups(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Files that are one picture. One row is one group: `exact` (one file under several listings) or `near` (another
    file of the same picture: pHash within 6 bits AND cosine at the model's threshold, or a person said so). Pairs that
    a person should look at are rows of `similarities`, tier `candidate`."""
    return result_of(library, "duplicate_groups", duplicate_making.regroup(run_of(context, library, progress)))


@dg.asset(
    deps=["metadata", "hashes", "quality", "embeddings", "duplicate_groups"],
    kinds={"numpy", "postgres"},
    code_version=burst_making.VERSION,
)
def bursts(
    context: dg.AssetExecutionContext, library: dg.ResourceParam[Library], progress: dg.ResourceParam[Progress]
) -> dg.MaterializeResult[None]:
    """Shots that one camera took of one scene within seconds. One row is one burst, with its best shot and how sure
    it is; a file and its copy are none, and a burst may hold duplicates, and says so."""
    return result_of(library, "bursts", burst_making.rebuild_bursts(run_of(context, library, progress)))


class ClusteringConfig(dg.Config):
    """How `clusters` is made: what is due joins the clusters that there are, or everything is clustered anew."""

    anew: bool = False


@dg.asset(deps=["embeddings"], kinds={"numpy", "scipy", "postgres"}, code_version=cluster_making.VERSION)
def clusters(
    context: dg.AssetExecutionContext,
    config: ClusteringConfig,
    library: dg.ResourceParam[Library],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Pictures of one kind. One row is one cluster: its name, its centroid as an exact sum, and the pictures that stand
    for it. New pictures join the nearest; everything is clustered anew weekly, or by `media-pipeline clusters
    recluster`, and clusters keep their ids and names."""
    run = run_of(context, library, progress)
    return result_of(library, "clusters", cluster_making.update_clusters(run, anew=config.anew))
